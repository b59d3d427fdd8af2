import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';

export const COMPRESSIONS = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** The bytes, compressed. The source must not use the memory of a chunk again. */
export async function* compressed(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* source;
    return;
  }
  const stream: Transform = compression === 'gzip' ? createGzip() : createZstdCompress();
  const pumping = pipeline(Readable.from(source, { objectMode: true, highWaterMark: 2 }), stream);
  // The error reaches the reader of the stream, too; left early, there is no reader.
  pumping.catch(() => undefined);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
    await pumping;
  } finally {
    stream.destroy();
  }
}
