import type { Block, BlockArena } from '../../database/copy-wire/block-arena.ts';
import type { RowBlock } from '../../database/copy-wire/row-block.ts';
import { FIELD, SPLIT } from '../../database/copy-wire/splitter/splitter.ts';

const NEWLINE = 0x0a;
/** What is copied into a block is read again at once: it should still be in the CPU's caches. */
const PIECE_BYTES = 64 * 1024;

/**
 * Cuts COPY text from a server's program, which has no message boundaries, into blocks. It cuts
 * where the receiver of a connection cuts, so the same rows give the same blocks. In text format a
 * newline byte always ends a row: COPY writes a newline inside a value as `\n`.
 */
export async function* rowBlocks(
  source: AsyncIterable<Uint8Array>,
  arena: BlockArena,
): AsyncGenerator<RowBlock> {
  const { bytes, cutting, splitRows } = arena;
  const pieces = piecesOf(source);
  const staging = await arena.connections.take();
  const { state, words } = staging;
  let filling: Block | undefined;
  let end = 0;
  const begin = (block: Block) => {
    filling = block;
    end = block.start;
    words[FIELD.at] = words[FIELD.row] = block.start;
    words[FIELD.cutMin] = block.start + cutting.blockBytesMin;
    words[FIELD.factor] = cutting.factor;
    words[FIELD.rows] = 0;
    return block;
  };
  /** Ends the block behind its last whole row. The rest is copied before the reader releases it. */
  const cut = (full: Block): { readonly block: RowBlock; readonly rest: Uint8Array } => {
    const to = words[FIELD.row] ?? 0;
    const rest = Buffer.from(bytes.subarray(to, end));
    filling = undefined;
    return { block: whole(full, to), rest };
  };
  const whole = (block: Block, to: number): RowBlock => {
    const [rows, count] = [bytes.subarray(block.start, to), words[FIELD.rows] ?? 0];
    return { kind: 'rows', rows, count, release: () => block.release() };
  };
  try {
    for await (const piece of pieces) {
      let rest: Uint8Array = piece;
      while (rest.byteLength > 0) {
        const block: Block = filling ?? begin(await arena.blocks.take());
        const blockEnd = block.start + cutting.blockBytesMax;
        const some = rest.subarray(0, blockEnd - end);
        bytes.set(some, end);
        end += some.byteLength;
        rest = rest.subarray(some.byteLength);
        const isCut = splitRows(state, end) === SPLIT.cut;
        if (!isCut && end < blockEnd) continue;
        if (isCut || (words[FIELD.row] ?? 0) > block.start) {
          const { block: ended, rest: moved } = cut(block);
          yield ended;
          if (moved.byteLength > 0) rest = Buffer.concat([moved, rest]);
          continue;
        }
        const behind: Uint8Array[] = [];
        const head = bytes.subarray(block.start, end);
        yield { kind: 'long-row', chunks: longRow([head, rest], pieces, behind) };
        begin(block);
        rest = behind[0] ?? new Uint8Array();
      }
    }
    if (filling !== undefined && end > filling.start) {
      const last = filling;
      filling = undefined;
      yield whole(last, end);
    }
  } finally {
    filling?.release();
    arena.connections.give(staging);
  }
}

/** The row that begins with `head`. Bytes after the end of the row go to `behind`. */
async function* longRow(
  head: readonly Uint8Array[],
  pieces: AsyncGenerator<Uint8Array, undefined>,
  behind: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  const ahead = head.filter(({ byteLength }) => byteLength > 0);
  for (;;) {
    const next = ahead.shift() ?? (await pieces.next());
    const piece = next instanceof Uint8Array ? next : next.value;
    if (piece === undefined) return;
    const end = piece.indexOf(NEWLINE) + 1;
    if (end === 0) {
      yield piece;
    } else {
      behind.push(piece.subarray(end));
      yield piece.subarray(0, end);
      return;
    }
  }
}

async function* piecesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES)
      yield chunk.subarray(at, at + PIECE_BYTES);
  }
}
