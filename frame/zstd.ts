import {
  constants,
  createZstdCompress,
  type ZstdCompress,
  type ZstdOptions,
  zstdCompressSync,
} from 'node:zlib';
import { release } from './release.ts';

/** Output comes in pieces of this size; node:zlib's own 16 KiB cost a fifth more CPU and more garbage. */
const CHUNK_BYTES = 256 * 1024;
/** Up to here the way to libuv's pool and back costs more than the work (measured: 120 µs against 20). */
const AT_ONCE_BYTES_MAX = 16 * 1024;
/** The least that node:zlib takes. */
const CHUNK_BYTES_MIN = 64;

/**
 * Options of every frame we write. The checksum flag is what lets a reader notice a flipped bit; `nbWorkers` stays at its
 * default of 0, because with more node:zlib silently loses data (measured on Node 22, 24 and 26).
 */
function frameOptions(level: number): ZstdOptions {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  };
}

/** One frame of a text that is in memory, where it is the only one. */
export async function compressFrame(text: Uint8Array, level: number): Promise<Buffer> {
  return (await compressors(text.byteLength).frame(text, level)).stored;
}

function compressAtOnce(rows: Uint8Array, level: number): Buffer {
  const chunkSize = Math.max(compressedBytesMax(rows.byteLength), CHUNK_BYTES_MIN);
  return zstdCompressSync(rows, {
    ...frameOptions(level),
    pledgedSrcSize: rows.byteLength,
    chunkSize,
  });
}

/** Compresses frames on libuv's pool, as many at once as it is asked for. */
export interface Compressors {
  /** One frame of rows that are in memory. They are read until it resolves. */
  frame(rows: Uint8Array, level: number): Promise<CompressedFrame>;
}

export interface CompressedFrame {
  /** Valid until `release`, which is called once at most. */
  readonly stored: Buffer;
  release(): void;
}

/** @param rowsBytesMax of a frame; larger ones are compressed, too, at a fifth more CPU. */
export function compressors(rowsBytesMax: number): Compressors {
  const idle = new Map<number, Compressor[]>();
  return {
    async frame(rows, level) {
      if (rows.byteLength <= AT_ONCE_BYTES_MAX)
        return { stored: compressAtOnce(rows, level), release: () => undefined };
      const free = idle.get(level) ?? [];
      idle.set(level, free);
      const compressor = free.pop() ?? newCompressor(level, rowsBytesMax);
      const frame = await compressor.frame(rows);
      // One that has failed, or has no room left, is not used again.
      if (compressor.hasRoom()) free.push(compressor);
      else compressor.retire();
      return frame;
    },
  };
}

interface Compressor {
  frame(rows: Uint8Array): Promise<CompressedFrame>;
  /** For the worst that a frame can become. */
  hasRoom(): boolean;
  /** Its memory goes when the last of its frames is released. */
  retire(): void;
}

/** Room in terms of the worst frame: several that are as small as usual lie in it, and what is not written to takes no memory. */
const ROOMS = 1.5;

/**
 * Frames one after the other from one stream: each write ends its frame, and the stream itself is never ended (that would append an
 * empty one). zstd gets a whole frame and room for its worst case in one call, and so compresses from where the rows lie
 * instead of by way of a buffer of its own: 12 to 18 % less CPU than node:zlib's one-shot, for the same bytes; nor is its
 * context made anew for each frame.
 */
function newCompressor(level: number, rowsBytesMax: number): Compressor {
  const frameBytesMax = compressedBytesMax(rowsBytesMax);
  const roomBytes = Math.ceil(ROOMS * frameBytesMax);
  const zstd = createZstdCompress({
    ...frameOptions(level),
    flush: constants.ZSTD_e_end,
    chunkSize: roomBytes,
  });
  let pieces: Buffer[] = [];
  let usedBytes = 0;
  let framesHeld = 0;
  let memory: Buffer | undefined;
  let isRetired = false;
  zstd.on('data', (piece: Buffer) => pieces.push(piece));
  // The write that failed says why.
  zstd.on('error', () => undefined);
  const free = () => {
    if (isRetired && framesHeld === 0 && memory !== undefined) release(memory);
  };
  return {
    async frame(rows) {
      await written(zstd, rows);
      const [first, ...more] = pieces;
      pieces = [];
      if (first === undefined || more.length > 0) {
        // More than there was room for: another piece of memory was begun, and this stream is of no more use.
        usedBytes = roomBytes;
        const whole = Buffer.concat(first === undefined ? more : [first, ...more]);
        return { stored: whole, release: () => undefined };
      }
      memory = first;
      usedBytes += first.byteLength;
      framesHeld += 1;
      return {
        stored: first,
        release() {
          framesHeld -= 1;
          free();
        },
      };
    },
    hasRoom: () => roomBytes - usedBytes >= frameBytesMax,
    retire() {
      isRetired = true;
      zstd.destroy();
      free();
    },
  };
}

/** Ends also when the stream is destroyed: node:zlib never calls back a write that was waiting for its reader then. */
function written(zstd: ZstdCompress, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(new Error('nobody takes the frame any more'));
    zstd.once('close', closed);
    zstd.write(bytes, (error) => {
      zstd.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** zstd's own bound (ZSTD_compressBound), with room for the checksum. */
function compressedBytesMax(bytes: number): number {
  const small = 128 * 1024;
  return (
    bytes + Math.ceil(bytes / 256) + (bytes < small ? Math.ceil((small - bytes) / 2048) : 0) + 64
  );
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
      await written(zstd, chunk);
    }
    zstd.end();
  } catch (error) {
    zstd.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
