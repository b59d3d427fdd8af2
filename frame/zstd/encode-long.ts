import { createZstdCompress, type ZstdCompress } from 'node:zlib';
import { frameOptions } from './options.ts';
import { write } from './write.ts';

/**
 * Output arrives in pieces of this size; the 16 KiB of node:zlib cost 20 % more CPU and garbage.
 */
const CHUNK_BYTES = 256 * 1024;

/** See `FrameCodec.encodeLong`. */
export async function* encodeLong(
  rows: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Buffer> {
  const zstd = createZstdCompress({ ...frameOptions(level), chunkSize: CHUNK_BYTES });
  const fed = feed(zstd, rows);
  try {
    for await (const out of zstd) yield out as Buffer;
    await fed;
  } finally {
    zstd.destroy();
    await fed.catch(() => undefined);
  }
}

/**
 * Rejects only after the stream has failed, so that the reader of the stream sees the error too.
 */
async function feed(zstd: ZstdCompress, rows: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    // Each write is awaited: `end()` with writes still queued would append a second, empty frame.
    for await (const chunk of rows) await write(zstd, chunk);
    zstd.end();
  } catch (error) {
    zstd.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
