import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
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
 * @throws UnsoundScript when it is cut off or damaged.
 */
export async function* openDump(
  { path, isGzip }: Dump,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
  if (!isGzip) {
    yield* file;
    return;
  }
  const { size } = await stat(path);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  file.on('error', (error) => gunzip.destroy(error));
  file.pipe(gunzip);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    throw unsound(error);
  } finally {
    file.destroy();
    gunzip.destroy();
  }
  const behind = size - gunzip.bytesWritten;
  if (behind !== 0) throw new UnsoundScript(`bytes follow the end of its gzip stream`);
}

function unsound(error: unknown): unknown {
  const code = (error as { readonly code?: unknown }).code;
  if (code === 'Z_BUF_ERROR') return new UnsoundScript('it is cut off: its gzip stream has no end');
  if (typeof code === 'string' && code.startsWith('Z_'))
    return new UnsoundScript(`its gzip stream is damaged: ${(error as Error).message}`);
  return error;
}
