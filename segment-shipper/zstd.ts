import { promisify } from 'node:util';
import {
  constants,
  createZstdCompress,
  type ZstdCompress,
  type ZstdOptions,
  zstdCompress,
  zstdCompressSync,
} from 'node:zlib';

const compress = promisify(zstdCompress);

/** Output comes in pieces of this size; node:zlib's own 16 KiB cost a fifth more CPU and more garbage. */
const CHUNK_BYTES = 256 * 1024;
/** Up to here the way to libuv's pool and back costs more than the work (measured: 120 µs against 20). */
const AT_ONCE_BYTES_MAX = 16 * 1024;

/**
 * Options of every frame we write. The checksum flag is what lets a reader notice a flipped bit; `nbWorkers` stays at its
 * default of 0, because with more node:zlib silently loses data (measured on Node 22, 24 and 26).
 */
function frameOptions(level: number, bytes?: number): ZstdOptions {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    ...(bytes === undefined ? {} : { pledgedSrcSize: bytes }),
  };
}

/** One frame of rows that are in memory: a few at once, more on libuv's pool. */
export async function compressFrame(rows: Uint8Array, level: number): Promise<Buffer> {
  const bytes = rows.byteLength;
  // With room for all of it in the first chunk nothing has to be joined; what is not written to costs no memory.
  const options = {
    ...frameOptions(level, bytes),
    chunkSize: Math.max(bytesCompressedMax(bytes), CHUNK_BYTES_MIN),
  };
  return bytes <= AT_ONCE_BYTES_MAX ? zstdCompressSync(rows, options) : compress(rows, options);
}

/** The least that node:zlib takes. */
const CHUNK_BYTES_MIN = 64;

/** zstd's own bound (ZSTD_compressBound), with room for the checksum. */
function bytesCompressedMax(bytes: number): number {
  const small = 128 * 1024;
  return bytes + Math.ceil(bytes / 256) + (bytes < small ? Math.ceil((small - bytes) / 2048) : 0) + 64;
}

/**
 * One frame of rows too large for memory (a single value can have 1 GB). Every write is awaited before the next and before the
 * end: `end()` with writes still queued would append a second, empty frame.
 */
export async function* compressLongFrame(
  chunks: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Buffer> {
  const zstd = createZstdCompress({ ...frameOptions(level), chunkSize: CHUNK_BYTES });
  const fed = feed(zstd, chunks);
  try {
    for await (const out of zstd) yield out as Buffer;
    await fed;
  } finally {
    zstd.destroy();
    await fed.catch(() => undefined);
  }
}

/** Never rejects before the stream has failed: a reader of the stream sees the error too. */
async function feed(zstd: ZstdCompress, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks) {
      await new Promise<void>((resolve, reject) =>
        zstd.write(chunk, (error) => (error ? reject(error) : resolve())),
      );
    }
    zstd.end();
  } catch (error) {
    zstd.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
