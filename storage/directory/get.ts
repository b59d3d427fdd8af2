import type { BigIntStats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { throwIfInterrupted } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { changed, tooLarge } from '../errors.ts';
import { rangeInside } from '../ranges.ts';
import type { ByteRange, CallOptions, StoredObject } from '../store.ts';
import { withErrorCodes } from './errors.ts';

/** Larger reads are not faster; smaller ones need more calls into the thread pool. */
const READ_BYTES = 512 * 1024;

/**
 * Streams a range of a file. A file that is changed in place meanwhile is detected at the end by
 * its size and time. A file of more than `bytesMax` bytes is rejected before any byte is read.
 */
export async function* readFile(
  path: string,
  key: string,
  options: CallOptions & ByteRange & { bytesMax?: number },
): AsyncGenerator<Uint8Array> {
  const doing = `reading ${key}`;
  const file = await withErrorCodes(doing, key, () => openObject(path, key));
  try {
    const opened = storedFile(key, await file.stat({ bigint: true }));
    const { bytesMax = Number.MAX_SAFE_INTEGER } = options;
    if (opened.bytes > bytesMax) throw tooLarge(key, opened.bytes, bytesMax);
    const { offset, end } = rangeInside(key, opened.bytes, options);
    for (let at = offset; at < end; ) {
      throwIfInterrupted(options.signal, doing);
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
      const { bytesRead } = await withErrorCodes(doing, key, () =>
        file.read(buffer, 0, buffer.length, at),
      );
      if (bytesRead === 0) break;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
    const { etag } = storedFile(key, await file.stat({ bigint: true }));
    if (etag !== opened.etag) throw changed(key, 'its size or modification time differs');
  } finally {
    await file.close();
  }
}

async function openObject(path: string, key: string): Promise<FileHandle> {
  const file = await open(path, 'r');
  try {
    if ((await file.stat()).isFile()) return file;
    throw new StowageError('storage/not-found', `${key} is a folder, not an object`, {
      where: { object: key },
    });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The ETag is size and time in nanoseconds: it changes when a file of the same size is rewritten.
 */
export function storedFile(key: string, found: BigIntStats): StoredObject {
  return {
    key,
    bytes: Number(found.size),
    etag: `${found.size}-${found.mtimeNs}`,
    modifiedAt: new Date(Number(found.mtimeMs)),
  };
}
