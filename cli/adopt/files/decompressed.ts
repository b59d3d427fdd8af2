import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import { UnsoundScript } from '../script/unsound.ts';
import type { SourceFile, SourceFiles } from './source-files.ts';

export type CompressionName = 'gzip' | 'zstd' | 'none';

/** A file, and where it is. */
export interface PlacedFile extends SourceFile {
  readonly from: SourceFiles;
}

const CHUNK_BYTES = 256 * 1024;

/** Where a file lies, for messages. */
export const pathOf = ({ from, name }: PlacedFile) => `${from.place.replace(/\/$/, '')}/${name}`;

/**
 * The bytes in a file. With gzip or zstd, they end only when the stream has ended as the program
 * ends it and the file has no byte behind it.
 * @throws UnsoundScript when it is cut off, damaged, or cannot be read.
 */
export async function* decompressed(
  { from, name, bytes }: PlacedFile,
  compression: CompressionName,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let file: Readable | undefined;
  try {
    file = await from.open(name, signal);
    if (compression === 'none') yield* plain(file, bytes);
    else yield* unpacked(file, bytes, compression);
  } catch (error) {
    signal.throwIfAborted();
    throw unsound(error, compression);
  } finally {
    file?.destroy();
  }
}

/** As `decompressed`, of bytes that can be read once. */
export async function* decompressedStream(
  chunks: AsyncIterable<Buffer>,
  compression: CompressionName,
): AsyncGenerator<Buffer> {
  if (compression === 'none') {
    yield* chunks;
    return;
  }
  const stream = Readable.from(chunks, { objectMode: false });
  try {
    yield* unpacked(stream, undefined, compression);
  } catch (error) {
    throw unsound(error, compression);
  } finally {
    stream.destroy();
  }
}

async function* plain(file: Readable, size: number): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const chunk of file) {
    read += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  requireSize(read, size);
}

async function* unpacked(
  file: Readable,
  size: number | undefined,
  compression: 'gzip' | 'zstd',
): AsyncGenerator<Buffer> {
  const unpack: Transform & { readonly bytesWritten: number } =
    compression === 'gzip'
      ? createGunzip({ chunkSize: CHUNK_BYTES })
      : createZstdDecompress({ chunkSize: CHUNK_BYTES });
  let read = 0;
  file.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  file.on('error', (error) => unpack.destroy(error));
  file.pipe(unpack);
  try {
    for await (const chunk of unpack) yield chunk as Buffer;
  } finally {
    unpack.destroy();
  }
  if (unpack.bytesWritten !== (size ?? read))
    throw new UnsoundScript(`bytes follow the end of its ${compression} stream`);
  if (size !== undefined) requireSize(read, size);
}

function requireSize(read: number, size: number): void {
  if (read !== size)
    throw new UnsoundScript(`it has changed: it had ${size} bytes, and ${read} were read`);
}

/** Errors of zlib and of the place; others are not ours to name. */
export function unsound(error: unknown, compression: CompressionName): unknown {
  if (error instanceof UnsoundScript) return error;
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown };
  if (code === 'Z_BUF_ERROR')
    return new UnsoundScript(`it is cut off: its ${compression} stream has no end`);
  if (typeof code === 'string' && /^(?:Z_|ZSTD_|ERR_ZSTD)/i.test(code))
    return new UnsoundScript(`its ${compression} stream is damaged: ${messageOf(error)}`);
  const isOfStore = isStowageError(
    error,
    'storage/not-found',
    'storage/changed',
    'storage/invalid',
  );
  if (typeof syscall === 'string' || isOfStore)
    return new UnsoundScript(`it cannot be read: ${messageOf(error)}`);
  return error;
}

const SMALL_BYTES_MAX = 64 * 1024 * 1024;

/** A whole small file. @throws UnsoundScript when it is too long or cannot be read. */
export async function smallFile(file: PlacedFile, signal: AbortSignal): Promise<Buffer> {
  if (file.bytes > SMALL_BYTES_MAX)
    throw new UnsoundScript(`it is too long: ${file.bytes} bytes, at most ${SMALL_BYTES_MAX}`);
  return Buffer.concat(await Array.fromAsync(decompressed(file, 'none', signal)));
}
