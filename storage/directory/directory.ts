import { rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { throwIfInterrupted } from '../../async/abort.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { checkFolder, checkKey, checkPrefix } from '../check-key.ts';
import { notFound } from '../errors.ts';
import { exactly } from '../ranges.ts';
import type { CallOptions, ObjectStore, StoredObject } from '../store.ts';
import { directoryClock } from './clock.ts';
import { isErrno, withErrorCodes } from './errors.ts';
import { readFile, storedFile } from './get.ts';
import { listFiles, listFolders } from './list.ts';
import { listTempFiles, removeTempFile } from './temp.ts';
import { fromBytes, fromFile, fromStream, writeFile } from './write.ts';

/** The roots of the directory stores of this process, for copies that the kernel makes. */
const roots = new WeakMap<ObjectStore, string>();

/**
 * A store in a directory: a mounted NFS export, a deduplicating appliance, a disk. Objects are
 * plain files named by their key. The first write creates the root; unfinished files are in
 * `<root>/.tmp`.
 *
 * Differences from S3: a key cannot be both an object and a folder of other objects (`a` and
 * `a/b`), and one segment of a key has at most 255 bytes.
 */
export function openDirectory(root: string): ObjectStore {
  const store: ObjectStore = {
    url: pathToFileURL(root).href,
    kind: 'directory',
    // Each process that can write a directory can delete there.
    lock: undefined,
    unwrap: () => store,
    create: (key, body, options) => writeFile(root, key, options, fromBytes(key, body)),
    upload: (key, source, options) =>
      writeFile(root, key, options, fromStream(key, source, options)),
    async *get(key, options = {}) {
      checkKey(key);
      yield* readFile(join(root, key), key, options);
    },
    async read(key, options) {
      checkKey(key);
      return Buffer.concat(await Array.fromAsync(readFile(join(root, key), key, options)));
    },
    async head(key) {
      checkKey(key);
      return headFile(root, key);
    },
    async *list(prefix, options = {}) {
      checkPrefix(prefix);
      yield* listFiles(root, prefix, options);
    },
    async *listPrefixes(prefix, options = {}) {
      checkFolder(prefix);
      yield* listFolders(root, prefix, options);
    },
    copyFrom: (from, key, options) => copy(store, from, key, options),
    async delete(keys, options = {}) {
      keys.forEach(checkKey);
      for (const key of keys) {
        throwIfInterrupted(options.signal, 'deleting');
        await withErrorCodes(`deleting ${key}`, key, () => remove(root, key));
      }
    },
    async *pendingUploads(prefix) {
      checkPrefix(prefix);
      yield* await withErrorCodes('listing unfinished uploads', undefined, () =>
        listTempFiles(root, prefix),
      );
    },
    lastWrittenAt: async ({ startedAt }) => startedAt,
    abortUpload: ({ key, uploadId }) => removeTempFile(root, key, uploadId),
    now: directoryClock(root),
    async close() {},
  };
  roots.set(store, root);
  return store;
}

async function copy(
  store: ObjectStore,
  from: ObjectStore,
  key: string,
  options: CallOptions = {},
): Promise<StoredObject> {
  checkKey(key);
  const source = await from.head(key, options);
  if (source === undefined) throw notFound(key, from.url);
  const root = roots.get(store);
  const fromRoot = roots.get(from.unwrap());
  if (root === undefined || fromRoot === undefined) {
    return store.upload(key, exactly(key, source.bytes, from.get(key, options)), options);
  }
  return writeFile(root, key, options, fromFile(key, join(fromRoot, key), source.bytes));
}

/** Removes a file and the folders that become empty. A missing file or a folder is not an error. */
async function remove(root: string, key: string): Promise<void> {
  try {
    await unlink(join(root, key));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return;
    // On systems other than Linux, unlink of a folder fails with EPERM.
    if (isErrno(error, 'EPERM') && (await stat(join(root, key))).isDirectory()) return;
    throw error;
  }
  for (let folder = dirname(key); folder !== '.'; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder));
    } catch {
      // Not empty, already removed, or no permission: an empty folder that stays does no harm.
      return;
    }
  }
}

async function headFile(root: string, key: string): Promise<StoredObject | undefined> {
  try {
    const found = await withErrorCodes(`reading the metadata of ${key}`, key, () =>
      stat(join(root, key), { bigint: true }),
    );
    return found.isFile() ? storedFile(key, found) : undefined;
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    throw error;
  }
}
