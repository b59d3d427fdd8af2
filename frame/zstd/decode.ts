import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createZstdDecompress, zstdDecompress } from 'node:zlib';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { walkFrame } from './walk.ts';

const decompress = promisify(zstdDecompress);

/**
 * Added to the output buffer. With a buffer of exactly `bytes`, node:zlib allocates a second one to
 * see that nothing follows, and copies both into a third. (64 is also the smallest it accepts.)
 */
const SLACK_BYTES = 64;

/** See `FrameCodec.decode`. Decompresses off the main thread. */
export async function decode(frame: Buffer, bytes: number): Promise<Buffer> {
  // node:zlib ignores bytes after the first frame, and a missing checksum. The walk checks both.
  const walk = walkFrame();
  walk.feed(frame);
  walk.end();
  if (bytes < 1) throw unreadable(`its extent promises ${bytes} bytes, fewer than 1`);
  let rows: Buffer;
  try {
    rows = await decompress(frame, { maxOutputLength: bytes, chunkSize: bytes + SLACK_BYTES });
  } catch (cause) {
    const isTooLong = cause instanceof RangeError;
    throw isTooLong ? tooLong(bytes, cause) : unreadable(`zstd: ${messageOf(cause)}`, cause);
  }
  checkLength(rows.length, bytes);
  return rows;
}

/** See `FrameCodec.decodeLong`. */
export async function* decodeLong(
  frame: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Buffer> {
  const decoder = createZstdDecompress({ chunkSize: 256 * 1024 });
  const input = Readable.from(oneWholeFrame(frame), { objectMode: false });
  // An error of the input destroys the decoder with the same error; the loop below throws it.
  const flow = pipeline(input, decoder).then(
    () => undefined,
    () => undefined,
  );
  let seen = 0;
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      seen += chunk.length;
      if (seen > bytes) throw tooLong(bytes);
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
  if (seen !== bytes) throw unreadable(`it holds ${seen} bytes of rows instead of ${bytes}`);
}

function isZlibError(error: unknown): boolean {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && (code.startsWith('ZSTD_') || code.startsWith('Z_'));
}

const tooLong = (bytes: number, cause?: unknown) =>
  unreadable(`it holds more than ${bytes} bytes of rows`, cause);

function unreadable(message: string, cause?: unknown): StowageError {
  return new StowageError('set/damaged', `the frame cannot be read: ${message}`, { cause });
}
