/** Counts the rows in a file as COPY FROM reads them. */
export interface RecordCount {
  feed(chunk: Uint8Array): void;
  count(): number;
  /** The last row has no line break: it may be cut off. */
  isOpen(): boolean;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;

/** Rows of text: an escaped line break is a part of a value. */
export function textRecords(): RecordCount {
  return records({ quote: -1, escape: -1, backslash: BACKSLASH });
}

/** Rows of csv: a line break in quotes is a part of a value. */
export function csvRecords(quote: number, escapes: number): RecordCount {
  return records({ quote, escape: escapes === quote ? -1 : escapes, backslash: -1 });
}

interface Rules {
  readonly quote: number;
  /** Another one than the quote, which is doubled; -1: none. */
  readonly escape: number;
  readonly backslash: number;
}

function records({ quote, escape: escapes, backslash }: Rules): RecordCount {
  let rows = 0;
  let isQuoted = false;
  let isEscaped = false;
  let isInRow = false;
  /** The last byte was a carriage return: with a newline behind it, both are one line break. */
  let wasReturn = false;
  return {
    feed(chunk) {
      for (const byte of chunk) {
        const isBreak = byte === NEWLINE || byte === RETURN;
        if (wasReturn && byte === NEWLINE) {
          wasReturn = false;
          continue;
        }
        wasReturn = false;
        if (isEscaped) isEscaped = false;
        else if (byte === backslash || (isQuoted && byte === escapes)) isEscaped = true;
        else if (byte === quote) isQuoted = !isQuoted;
        else if (isBreak && !isQuoted) {
          rows += 1;
          isInRow = false;
          wasReturn = byte === RETURN;
          continue;
        }
        isInRow = true;
      }
    },
    count: () => rows + (isInRow ? 1 : 0),
    isOpen: () => isInRow,
  };
}
