import type { RowBlock as ReceivedBlock } from '../database/copy-wire/row-block.ts';

/** Whole rows, cut from a COPY text stream. */
export type RowBlock =
  /** `rows` is a view on a buffer that is used again after the next but one block was asked for. */
  | { readonly kind: 'rows'; readonly rows: Buffer }
  /** Exactly one row, too long to be held; must be consumed before the next block is asked for. */
  | { readonly kind: 'long-row'; readonly chunks: AsyncIterable<Uint8Array> };

const NEWLINE = 0x0a;
/** Room past the target for what a socket read brings; a row that still does not end is streamed. */
const SLACK_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;

/** What a worker's blocks lie in; one pair serves one relation after the other. */
export type BlockBuffers = readonly [Buffer, Buffer];

/** Allocated once per worker: for every small table anew they would keep the garbage collector busy. */
export function blockBuffers(blockBytes: number): BlockBuffers {
  const one = () => Buffer.allocUnsafeSlow(blockBytes + SLACK_BYTES);
  return [one(), one()];
}

/**
 * Cuts a COPY text stream into blocks of about `blockBytes`, at row ends only. In text format a newline byte always ends a row:
 * COPY writes those inside values as `\n`. Memory is two buffers of `blockBytes`, whatever the rows are.
 */
export async function* rowBlocks(
  source: AsyncIterable<Uint8Array>,
  blockBytes: number,
  buffers: BlockBuffers = blockBuffers(blockBytes),
): AsyncGenerator<RowBlock> {
  const pieces = piecesOf(source);
  let [filling, spare] = buffers;
  let used = 0;
  for await (const piece of pieces) {
    filling.set(piece, used);
    used += piece.byteLength;
    if (used < blockBytes) continue;
    const cut = filling.lastIndexOf(NEWLINE, used - 1) + 1;
    if (cut > 0) {
      yield { kind: 'rows', rows: filling.subarray(0, cut) };
      spare.set(filling.subarray(cut, used));
      [filling, spare] = [spare, filling];
      used -= cut;
    } else if (used > blockBytes + SLACK_BYTES - PIECE_BYTES) {
      const rest: Uint8Array[] = [];
      yield { kind: 'long-row', chunks: longRow(Buffer.from(filling.subarray(0, used)), pieces, rest) };
      used = 0;
      for (const piece of rest) {
        filling.set(piece, used);
        used += piece.byteLength;
      }
    }
  }
  if (used > 0) yield { kind: 'rows', rows: filling.subarray(0, used) };
}

/** The rows in a block of whole rows. */
export function countRows(rows: Buffer): number {
  let count = 0;
  for (let at = rows.indexOf(NEWLINE); at !== -1; at = rows.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** The blocks of a FIFO in the shape in which a connection gives them. */
export async function* countedBlocks(blocks: AsyncIterable<RowBlock>): AsyncGenerator<ReceivedBlock> {
  for await (const block of blocks)
    yield block.kind === 'rows' ? { ...block, count: countRows(block.rows), release: () => {} } : block;
}

/** The row that begins with `head`; what follows it in its last piece goes to `rest`. */
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
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
}
