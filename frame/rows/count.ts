import { binaryRows } from './binary.ts';

const NEWLINE = 0x0a;

/** Counts the rows of a frame. */
export interface RowCount {
  feed(chunk: Uint8Array): void;
  /** Undefined when the last row has no end, or the bytes are not rows. */
  count(): number | undefined;
}

/** @param rowFormat of the extent; absent = COPY text. */
export function countRows(rowFormat?: 'binary'): RowCount {
  return rowFormat === undefined ? countText() : countBinary();
}

/** Each newline ends a row: COPY writes one inside a value as `\n`. */
function countText(): RowCount {
  let rows = 0;
  let last = NEWLINE;
  return {
    feed(chunk) {
      // A plain loop: when rows are short, one indexOf per row costs several times as much.
      for (let index = 0; index < chunk.length; index += 1) if (chunk[index] === NEWLINE) rows += 1;
      last = chunk.at(-1) ?? last;
    },
    count: () => (last === NEWLINE ? rows : undefined),
  };
}

function countBinary(): RowCount {
  const walk = binaryRows();
  let rows = 0;
  return {
    feed(chunk) {
      let at = 0;
      while (at < chunk.length) {
        const end = walk.rowEnd(chunk, at);
        if (end === undefined) return;
        rows += 1;
        at = end;
      }
    },
    count: () => (walk.isBetween && !walk.isMalformed ? rows : undefined),
  };
}
