import { createReadStream, type ReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../../backup-set/base/errors.ts';
import { UnsoundScript } from '../script/unsound.ts';

/** Where a file is, and how to read it. */
export interface Dump {
  readonly path: string;
  readonly isGzip: boolean;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * The text of a file. With gzip, it ends only when the stream has ended as gzip ends it and the
 * file has no byte behind it.
 * @throws UnsoundScript when it is cut off, damaged, or cannot be read.
 */
export async function* openDump(
  { path, isGzip }: Dump,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
  try {
    yield* isGzip ? unzipped(file, path) : file;
  } catch (error) {
    signal.throwIfAborted();
    throw unsound(error);
  } finally {
    file.destroy();
  }
}

async function* unzipped(file: ReadStream, path: string): AsyncGenerator<Buffer> {
  const { size } = await stat(path);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  file.on('error', (error) => gunzip.destroy(error));
  file.pipe(gunzip);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } finally {
    gunzip.destroy();
  }
  if (gunzip.bytesWritten !== size)
    throw new UnsoundScript('bytes follow the end of its gzip stream');
}

/** Errors of zlib and of the file system; others are not ours to name. */
export function unsound(error: unknown): unknown {
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown };
  if (code === 'Z_BUF_ERROR') return new UnsoundScript('it is cut off: its gzip stream has no end');
  if (typeof code === 'string' && code.startsWith('Z_'))
    return new UnsoundScript(`its gzip stream is damaged: ${messageOf(error)}`);
  if (typeof syscall === 'string')
    return new UnsoundScript(`it cannot be read: ${messageOf(error)}`);
  return error;
}
