import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createZstdDecompress, zstdDecompress } from 'node:zlib';
import { messageOf, StowageError } from '../backup-set/base/errors.ts';
import { walkFrame } from './walk.ts';

const decompress = promisify(zstdDecompress);

/**
 * A buffer this much longer than the rows takes them in one piece: node:zlib would otherwise ask for a second one to see that
 * nothing follows, and join the two. (64 is also the least it takes.)
 */
const SLACK_BYTES = 64;

/**
 * The rows of one frame (docs/format.md: one zstd frame with a content checksum), decompressed off the main thread.
 * `bytes` is what the extent says they have; memory never exceeds it, whatever the frame claims.
 * @throws StowageError `set/damaged` for anything but exactly one whole, intact frame of exactly `bytes` bytes.
 */
export async function decodeFrame(frame: Buffer, bytes: number): Promise<Buffer> {
  // node:zlib alone is not enough: it silently drops what follows the first frame, and checks a checksum only where
  // the header announces one.
  const walk = walkFrame();
  walk.feed(frame);
  walk.end();
  if (bytes < 1) throw unreadable(`a frame of ${bytes} bytes cannot be`);
  let rows: Buffer;
  try {
    rows = await decompress(frame, { maxOutputLength: bytes, chunkSize: bytes + SLACK_BYTES });
  } catch (cause) {
    const tooLong = cause instanceof RangeError;
    throw unreadable(
      tooLong ? `it holds more than the ${bytes} bytes expected` : `zstd: ${messageOf(cause)}`,
      cause,
    );
  }
  checkLength(rows.length, bytes);
  return rows;
}

/**
 * As `decodeFrame`, for a frame too large to be held in memory. The rows are proven only when the iteration has ended:
 * the checksum stands at the frame's end, so nothing may be committed before.
 * @throws StowageError `set/damaged`, and whatever `source` throws.
 */
export async function* decodeFrameStream(
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Buffer> {
  const decoder = createZstdDecompress({ chunkSize: 256 * 1024 });
  const input = Readable.from(oneWholeFrame(source), { objectMode: false });
  // Failures of the input destroy the decoder with the same error, so they are thrown by the loop below.
  const flow = pipeline(input, decoder).then(
    () => undefined,
    () => undefined,
  );
  let seen = 0;
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      seen += chunk.length;
      if (seen > bytes) throw unreadable(`it holds more than the ${bytes} bytes expected`);
      yield chunk;
    }
    checkLength(seen, bytes);
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw unreadable(`zstd: ${messageOf(error)}`, error);
  } finally {
    input.destroy();
    decoder.destroy();
    await flow;
  }
}

async function* oneWholeFrame(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const walk = walkFrame();
  for await (const chunk of source) {
    walk.feed(chunk);
    yield chunk;
  }
  walk.end();
}

function checkLength(seen: number, bytes: number): void {
  if (seen !== bytes) throw unreadable(`it holds ${seen} bytes, not the ${bytes} expected`);
}

function isZlibError(error: unknown): boolean {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && (code.startsWith('ZSTD_') || code.startsWith('Z_'));
}

function unreadable(message: string, cause?: unknown): StowageError {
  return new StowageError('set/damaged', `the frame cannot be read: ${message}`, { cause });
}
