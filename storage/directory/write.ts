import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfInterrupted, untilInterrupted } from '../../async/abort.ts';
import { checkKey } from '../check-key.ts';
import { changed } from '../ranges.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import { namingErrors } from './errors.ts';
import { storedFile } from './get.ts';
import { FILE_MODE, publish } from './publish.ts';
import { removeTempFile, reserveTempFile } from './temp.ts';

/** Fills the open, empty file at `path`; what it throws is passed on as it is. */
type Fill = (file: FileHandle, path: string) => Promise<void>;

/** Every write: fill a temporary file, sync it, link it to its name. Whatever fails, the temporary file goes. */
export async function writeFile(
  root: string,
  key: string,
  options: CallOptions | undefined,
  fill: Fill,
): Promise<StoredObject> {
  checkKey(key);
  const doing = `writing ${key}`;
  throwIfInterrupted(options?.signal, doing);
  const temp = await namingErrors(doing, key, () => reserveTempFile(root, key, new Date()));
  try {
    const stored = await fillFile(temp.path, key, fill);
    throwIfInterrupted(options?.signal, doing);
    await namingErrors(doing, key, () => publish(temp.path, join(root, key), key));
    return stored;
  } finally {
    await removeTempFile(root, key, temp.uploadId);
  }
}

async function fillFile(path: string, key: string, fill: Fill): Promise<StoredObject> {
  const named = <T>(work: () => Promise<T>) => namingErrors(`writing ${key}`, key, work);
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

/** The source's own errors are passed on unchanged: a lost database connection must not read as a storage failure. */
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

/** Lets the kernel copy: a clone where the filesystem can, server-side on NFS 4.2. */
export function fromFile(key: string, source: string, bytes: number): Fill {
  return async (file, path) => {
    await namingErrors(`copying ${key}`, key, async () => {
      await copyFile(source, path, constants.COPYFILE_FICLONE);
      await file.chmod(FILE_MODE);
      const { size } = await file.stat();
      if (size !== bytes) throw changed(key, `it had ${bytes} bytes, then ${size}`);
    });
  };
}

/** One write call may take less than it was given, on a nearly full disk for one. */
async function writeAll(file: FileHandle, key: string, bytes: Uint8Array): Promise<void> {
  await namingErrors(`writing ${key}`, key, async () => {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  });
}
