import { StowageError } from '../../../backup-set/base/errors.ts';
import { BINARY_END, BINARY_HEADER, binaryRows } from '../../../frame/rows/binary.ts';

/** Some whole rows, or a part of a row: `rows` is 0. A row under way ends a piece. */
export interface BinaryPiece {
  readonly bytes: Uint8Array;
  readonly rows: number;
  /** Where the last row begins in `bytes`; 0 for a part of a row. */
  readonly lastRow: number;
}

/** Reads the rows of a COPY BINARY in pieces. */
export interface BinaryReader {
  /**
   * A piece that ends with the first row that ends after `wanted` bytes. Undefined after the last
   * row. The bytes are valid until the next call.
   * @throws StowageError when the server sends anything but rows.
   */
  read(wanted: number): Promise<BinaryPiece | undefined>;
}

/** A piece fits into a buffer behind a block of rows, as row-blocks.ts has them. */
const PIECE_BYTES = 64 * 1024;

export function binaryReader(source: AsyncIterable<Uint8Array>): BinaryReader {
  const pieces = piecesOf(source);
  const walk = binaryRows();
  let piece: Uint8Array = new Uint8Array();
  let at = 0;
  /** Bytes of `piece` before this are walked: a row under way, whose start is handed out alone. */
  let walked = 0;
  let hasHeader = false;

  /** True when at least `bytes` bytes are there. A few that are left begin the next piece. */
  async function has(bytes: number): Promise<boolean> {
    while (piece.byteLength - at < bytes) {
      const rest = Buffer.from(piece.subarray(at));
      const next = await pieces.next();
      if (next.done === true) return false;
      piece = rest.byteLength === 0 ? next.value : Buffer.concat([rest, next.value]);
      at = 0;
      walked = 0;
    }
    return true;
  }
  function startsWith(bytes: Buffer): boolean {
    return bytes.equals(piece.subarray(at, at + bytes.byteLength));
  }
  /** False at the end of the rows. */
  async function isRow(): Promise<boolean> {
    if (!hasHeader) {
      if (!(await has(BINARY_HEADER.byteLength)) || !startsWith(BINARY_HEADER))
        throw unexpected('without its header');
      at += BINARY_HEADER.byteLength;
      hasHeader = true;
    }
    if (!(await has(BINARY_END.byteLength))) throw unexpected('without its end');
    if (!startsWith(BINARY_END)) return true;
    at += BINARY_END.byteLength;
    if (await has(1)) throw unexpected('with bytes after its end');
    return false;
  }
  function take(end: number, rows: number, lastRow = at): BinaryPiece {
    const some = { bytes: piece.subarray(at, end), rows, lastRow: lastRow - at };
    at = end;
    return some;
  }

  return {
    async read(wanted) {
      if (walked > at) return take(walked, 0);
      const isWithin = !walk.isBetween;
      if (isWithin ? !(await has(1)) : !(await isRow())) {
        if (isWithin) throw unexpected('in the middle of a row');
        return undefined;
      }
      let rows = 0;
      let end = at;
      let lastRow = at;
      // Fewer bytes than a number of values, or the end of the COPY: for the next call.
      const goesOn = () =>
        piece.byteLength - end >= BINARY_END.byteLength &&
        !BINARY_END.equals(piece.subarray(end, end + BINARY_END.byteLength));
      while (rows === 0 || (!isWithin && end - at < wanted && goesOn())) {
        const rowEnd = walk.rowEnd(piece, end);
        if (walk.isMalformed) throw unexpected('with bytes that are not rows');
        if (rowEnd === undefined) {
          walked = piece.byteLength;
          return rows === 0 ? take(walked, 0) : take(end, rows, lastRow);
        }
        rows += 1;
        lastRow = end;
        end = rowEnd;
      }
      return take(end, rows, lastRow);
    },
  };
}

async function* piecesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES)
      yield chunk.subarray(at, at + PIECE_BYTES);
  }
}

function unexpected(how: string): StowageError {
  return new StowageError('database/failed', `the server sent a COPY BINARY ${how}`);
}
