import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfInterrupted } from '../../async/abort.ts';
import { TEMP_FOLDER } from '../check-key.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import { isErrno } from './errors.ts';
import { storedFile } from './get.ts';
import { requireDirectory } from './root.ts';

/**
 * Every file below `root` whose key starts with `prefix`, in the order of the keys' bytes. Memory
 * holds one folder of each level. A file that is removed during the listing is left out.
 */
export async function* listFiles(
  root: string,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<StoredObject> {
  const cut = prefix.lastIndexOf('/') + 1;
  yield* listFolder(root, prefix.slice(0, cut), prefix.slice(cut), options);
}

async function* listFolder(
  root: string,
  folder: string,
  start: string,
  options: CallOptions,
): AsyncGenerator<StoredObject> {
  for (const entry of await entriesOf(root, folder, start)) {
    throwIfInterrupted(options.signal, `listing ${folder}`);
    const key = `${folder}${entry.name}`;
    if (entry.isDirectory()) {
      yield* listFolder(root, `${key}/`, '', options);
      continue;
    }
    const found = await statIfThere(join(root, key));
    if (found?.isFile()) yield storedFile(key, found);
  }
}

/** The subfolders of `prefix` that hold an object: as in S3, an empty folder does not exist. */
export async function* listFolders(
  root: string,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<string> {
  for (const entry of await entriesOf(root, prefix, '')) {
    if (!entry.isDirectory()) continue;
    const first = await listFolder(root, `${prefix}${entry.name}/`, '', options).next();
    if (first.done !== true) yield `${entry.name}/`;
  }
}

/**
 * The entries of a folder, in key order. A folder sorts as if its name ended in a slash, because
 * the keys below it do (`a-b` comes before `a/b`). Symbolic links are left out: they may point
 * outside the root, or form a cycle.
 */
async function entriesOf(root: string, folder: string, start: string): Promise<Dirent[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(root, folder), { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, 'ENOTDIR'))
      await requireDirectory(root, `listing ${folder === '' ? root : folder}`, error);
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
  return entries
    .filter((entry) => (entry.isFile() || entry.isDirectory()) && entry.name.startsWith(start))
    .filter((entry) => folder !== '' || entry.name !== TEMP_FOLDER)
    .map((entry) => ({
      entry,
      order: Buffer.from(entry.isDirectory() ? `${entry.name}/` : entry.name),
    }))
    .sort((a, b) => Buffer.compare(a.order, b.order))
    .map(({ entry }) => entry);
}

async function statIfThere(path: string) {
  return stat(path, { bigint: true }).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  });
}
