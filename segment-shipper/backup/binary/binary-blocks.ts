import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Block, BlockArena } from '../../../database/copy-wire/block-arena.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import { type BinaryPiece, type BinaryReader, binaryReader } from './binary-reader.ts';

/**
 * Cuts what COPY … TO STDOUT (FORMAT binary) sends into blocks of whole rows, where the receiver
 * cuts rows of COPY text: behind a row whose hash says so, or before a row that does not fit. A row
 * that does not fit into a block at all is a long row.
 */
export async function* binaryBlocks(
  source: AsyncIterable<Uint8Array>,
  { bytes, blocks, cutting, rowHash }: BlockArena,
): AsyncGenerator<RowBlock> {
  const reader = binaryReader(source);
  let filling: Block | undefined;
  let used = 0;
  let rows = 0;
  /** Where the row under way begins: behind the whole rows. */
  let rowStart = 0;
  const room = async () => (filling ??= await blocks.take());
  /** The whole rows so far. The row under way is moved to the next block, before the yield. */
  const cut = async (full: Block): Promise<RowBlock> => {
    const block = bytes.subarray(full.start, full.start + rowStart);
    const count = rows;
    const rest = Buffer.from(bytes.subarray(full.start + rowStart, full.start + used));
    filling = undefined;
    [used, rows, rowStart] = [rest.byteLength, 0, 0];
    if (rest.byteLength > 0) bytes.set(rest, (await room()).start);
    return { kind: 'rows', rows: block, count, release: () => full.release() };
  };
  const isCut = ({ start }: Block) => {
    const length = used - rowStart;
    return (
      used >= cutting.blockBytesMin && rowHash(start + rowStart, length) < length * cutting.factor
    );
  };
  try {
    for (;;) {
      const piece = await reader.read(cutting.blockBytesMin - used);
      if (piece === undefined) break;
      for (const some of lastRowApart(piece)) {
        const end = () => used + some.bytes.byteLength;
        let block = await room();
        if (end() > cutting.blockBytesMax && rows > 0) {
          yield await cut(block);
          block = await room();
        }
        if (end() > cutting.blockBytesMax) {
          const head = Buffer.from(bytes.subarray(block.start, block.start + used));
          used = 0;
          yield { kind: 'long-row', chunks: longRow(head, some, reader) };
          continue;
        }
        bytes.set(some.bytes, block.start + used);
        used = end();
        rows += some.rows;
        if (some.rows === 0) continue;
        const cutHere = isCut(block);
        rowStart = used;
        if (cutHere) yield await cut(block);
      }
    }
    if (filling !== undefined && rows > 0) yield await cut(filling);
  } finally {
    filling?.release();
  }
}

type Some = Omit<BinaryPiece, 'lastRow'>;

/** Only the last row of a piece can end where a cut is allowed. */
function lastRowApart({ bytes, rows, lastRow }: BinaryPiece): Some[] {
  if (rows < 2) return [{ bytes, rows }];
  return [
    { bytes: bytes.subarray(0, lastRow), rows: rows - 1 },
    { bytes: bytes.subarray(lastRow), rows: 1 },
  ];
}

/** The row that begins with `head`, and goes on with `some`. */
async function* longRow(
  head: Uint8Array,
  some: Some,
  reader: BinaryReader,
): AsyncGenerator<Uint8Array> {
  if (head.byteLength > 0) yield head;
  let next: Some | undefined = some;
  while (next.rows === 0) {
    yield next.bytes;
    next = await reader.read(0);
    if (next === undefined)
      throw new StowageError('database/failed', 'the server ended a COPY in the middle of a row');
  }
  yield next.bytes;
}
