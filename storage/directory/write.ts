import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfInterrupted, untilInterrupted } from '../../async/abort.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { checkKey } from '../check-key.ts';
import { changed } from '../errors.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import { withErrorCodes } from './errors.ts';
import { storedFile } from './get.ts';
import { FILE_MODE, publish } from './publish.ts';
import { explainingRoot } from './root.ts';
import { removeTempFile, reserveTempFile } from './temp.ts';

/** Fills the open, empty file at `path`. Its errors are passed on unchanged. */
type Fill = (file: FileHandle, path: string) => Promise<void>;

/**
 * Every write: fills a temporary file, syncs it and links it to its name. The temporary file is
 * removed in every case.
 */
export async function writeFile(
  root: string,
  key: string,
  options: CallOptions | undefined,
  fill: Fill,
): Promise<StoredObject> {
  checkKey(key);
  const doing = `writing ${key}`;
  const inRoot = <T>(work: () => Promise<T>) =>
    withErrorCodes(doing, key, () => explainingRoot(root, doing, work));
  throwIfInterrupted(options?.signal, doing);
  const temp = await inRoot(() => reserveTempFile(root, key, new Date()));
  try {
    const stored = await fillFile(temp.path, key, fill);
    throwIfInterrupted(options?.signal, doing);
    await inRoot(() => publish(temp.path, join(root, key), key));
    return stored;
  } finally {
    await removeTempFile(root, key, temp.uploadId);
  }
}

async function fillFile(path: string, key: string, fill: Fill): Promise<StoredObject> {
  const named = <T>(work: () => Promise<T>) => withErrorCodes(`writing ${key}`, key, work);
  const file = await named(() => open(path, 'wx', FILE_MODE));
  try {
    await fill(file, path);
    await named(() => file.sync());
    return storedFile(key, await named(() => file.stat({ bigint: true })));
  } finally {
    await named(() => file.close());
  }
}

export function fromBytes(key: string, bytes: Uint8Array): Fill {
  return (file) => writeAll(file, key, bytes);
}

/**
 * The source's own errors are passed on unchanged: a lost database connection must not be reported
 * as a storage failure.
 */
export function fromStream(
  key: string,
  source: AsyncIterable<Uint8Array>,
  options?: CallOptions,
): Fill {
  return async (file) => {
    for await (const chunk of untilInterrupted(source, options?.signal, `writing ${key}`)) {
      await writeAll(file, key, chunk);
    }
  };
}

/** The kernel copies: it clones where the filesystem can, and copies on the server on NFS 4.2. */
export function fromFile(key: string, source: string, bytes: number): Fill {
  return async (file, path) => {
    await withErrorCodes(`copying ${key}`, key, async () => {
      await copyFile(source, path, constants.COPYFILE_FICLONE);
      await file.chmod(FILE_MODE);
      const { size } = await file.stat();
      if (size !== bytes)
        throw changed(key, `it had ${plural(bytes, 'byte')}, then ${count(size)}`);
    });
  };
}

/** One write call may write only part of the bytes, for example on a nearly full disk. */
async function writeAll(file: FileHandle, key: string, bytes: Uint8Array): Promise<void> {
  await withErrorCodes(`writing ${key}`, key, async () => {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  });
}
