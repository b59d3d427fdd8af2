import { createPool, type Pool } from '../../async/pool.ts';
import type { RowBlock } from '../../database/copy-wire/row-block.ts';

const NEWLINE = 0x0a;
/** Space past the target for one more read. A row that is still longer is streamed. */
const SLACK_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;

/** Buffers for blocks of rows. `RowBlock.release` gives a buffer back. */
export type BlockBuffers = Pool<Buffer>;

/** `count` buffers for blocks of about `blockBytes`. Pages never written take no memory. */
export function blockBuffers(blockBytes: number, count: number): BlockBuffers {
  return createPool(
    Array.from({ length: count }, () => Buffer.allocUnsafeSlow(blockBytes + SLACK_BYTES)),
  );
}

/**
 * Cuts COPY text from a server's program, which has no message boundaries, into blocks of about
 * `blockBytes`, at row ends only. In text format a newline byte always ends a row: COPY writes a
 * newline inside a value as `\n`.
 */
export async function* rowBlocks(
  source: AsyncIterable<Uint8Array>,
  blockBytes: number,
  buffers: BlockBuffers,
): AsyncGenerator<RowBlock> {
  const pieces = piecesOf(source);
  let filling: Buffer | undefined;
  let used = 0;
  const whole = (rows: Buffer, buffer: Buffer): RowBlock => {
    return { kind: 'rows', rows, count: countRows(rows), release: () => buffers.give(buffer) };
  };
  try {
    for await (const piece of pieces) {
      filling ??= await buffers.take();
      filling.set(piece, used);
      used += piece.byteLength;
      for (
        let cut = cutIn(filling, used, blockBytes);
        cut > 0;
        cut = cutIn(filling, used, blockBytes)
      ) {
        const full: Buffer = filling;
        filling = undefined;
        // The rest is copied before the yield, because the consumer may release the buffer.
        const rest = Buffer.from(full.subarray(cut, used));
        yield whole(full.subarray(0, cut), full);
        filling = await buffers.take();
        filling.set(rest);
        used = rest.byteLength;
      }
      if (used > blockBytes + SLACK_BYTES - PIECE_BYTES) {
        const rest: Uint8Array[] = [];
        yield {
          kind: 'long-row',
          chunks: longRow(Buffer.from(filling.subarray(0, used)), pieces, rest),
        };
        used = 0;
        for (const piece of rest) {
          filling.set(piece, used);
          used += piece.byteLength;
        }
      }
    }
    if (filling !== undefined && used > 0) {
      const last = filling;
      filling = undefined;
      yield whole(last.subarray(0, used), last);
    }
  } finally {
    if (filling !== undefined) buffers.give(filling);
  }
}

/**
 * Where a block ends: after the last row that ends within `blockBytes`, or else after the first
 * row, which is longer; 0 while that is unknown. It does not depend on how much has been read, so
 * the same rows always give the same blocks.
 */
function cutIn(filling: Buffer, used: number, blockBytes: number): number {
  if (used < blockBytes) return 0;
  const read = filling.subarray(0, used);
  return read.lastIndexOf(NEWLINE, blockBytes - 1) + 1 || read.indexOf(NEWLINE, blockBytes) + 1;
}

/** The rows in a block of whole rows. */
export function countRows(rows: Buffer): number {
  let count = 0;
  for (let at = rows.indexOf(NEWLINE); at !== -1; at = rows.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** The row that begins with `head`. Bytes after the end of the row go to `rest`. */
async function* longRow(
  head: Buffer,
  pieces: AsyncGenerator<Uint8Array>,
  rest: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  yield head;
  for (;;) {
    const next = await pieces.next();
    if (next.done === true) return;
    const piece = next.value;
    const end = piece.indexOf(NEWLINE) + 1;
    if (end === 0) {
      yield piece;
    } else {
      rest.push(piece.subarray(end));
      yield piece.subarray(0, end);
      return;
    }
  }
}

async function* piecesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES)
      yield chunk.subarray(at, at + PIECE_BYTES);
  }
}
