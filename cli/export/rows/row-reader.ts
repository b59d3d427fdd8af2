import { StowageError } from '../../../backup-set/base/errors.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const UPPER_N = 0x4e;
/** A server writes no longer row as COPY text; a Buffer can be longer. */
const ROW_BYTES_MAX = 1024 ** 3;

/** One row of COPY text. Valid until the next one is read. */
export interface Row {
  readonly bytes: Buffer;
  /** Value n is at `starts[n]` up to `ends[n]`, with escapes. */
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** 1: the value has a backslash. */
  readonly escaped: Uint8Array;
}

export interface RowReader {
  /** The chunk may end anywhere; its memory is not kept. */
  feed(chunk: Uint8Array): void;
  /** @throws StowageError `set/damaged` when the last row has no end. */
  end(): void;
}

/**
 * Reads COPY text in any encoding of a server row by row. Holds one row in memory.
 * @param fields how many values each row has.
 * @throws StowageError `set/damaged` when a row has another number of values.
 */
export function rowReader(fields: number, onRow: (row: Row) => void): RowReader {
  const room = Math.max(1, fields);
  const starts = new Uint32Array(room);
  const ends = new Uint32Array(room);
  const escaped = new Uint8Array(room);
  /** The front of a row whose end has not come yet. */
  let front: Buffer[] = [];
  let held = 0;
  let rows = 0;

  /** Reads the rows that end in these bytes. @returns where the last one ends. */
  function readRows(bytes: Buffer): number {
    let rowStart = 0;
    let field = 0;
    starts[0] = 0;
    escaped[0] = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (byte === BACKSLASH) {
        escaped[field] = 1;
        at += 1;
      } else if (byte === TAB) {
        ends[field] = at;
        field += 1;
        if (field >= room) throw wrongFields(rows + 1, fields);
        starts[field] = at + 1;
        escaped[field] = 0;
      } else if (byte === NEWLINE) {
        ends[field] = at;
        const isEmptyRow = fields === 0 && at === rowStart;
        if (field + 1 !== fields && !isEmptyRow) throw wrongFields(rows + 1, fields);
        rows += 1;
        onRow({ bytes, starts, ends, escaped });
        rowStart = at + 1;
        field = 0;
        starts[0] = rowStart;
        escaped[0] = 0;
      }
    }
    return rowStart;
  }

  return {
    feed(chunk) {
      let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      if (held > 0) {
        // Only the first row needs the bytes from before.
        const end = bytes.indexOf(NEWLINE);
        const first = end === -1 ? bytes : bytes.subarray(0, end + 1);
        front.push(Buffer.from(first));
        held += first.length;
        if (held > ROW_BYTES_MAX) throw unreadable(rows + 1, 'is longer than 1 GiB');
        if (end === -1) return;
        const whole = front.length === 1 ? (front[0] as Buffer) : Buffer.concat(front, held);
        front = [];
        held = 0;
        keep(whole.subarray(readRows(whole)));
        bytes = bytes.subarray(end + 1);
        // An escaped newline does not end the row.
        if (held > 0) return this.feed(bytes);
      }
      keep(bytes.subarray(readRows(bytes)));
    },
    end() {
      if (held > 0) throw unreadable(rows + 1, 'has no end');
    },
  };

  function keep(rest: Buffer): void {
    if (rest.length === 0) return;
    front.push(Buffer.from(rest));
    held += rest.length;
  }
}

/** True when value n of the row is NULL. */
export function isNull({ bytes, starts, ends }: Row, field: number): boolean {
  const start = starts[field] ?? 0;
  return (
    (ends[field] ?? 0) - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === UPPER_N
  );
}

/** Value n without escapes: a part of the row, or a copy. Not for NULL. */
export function plainValue({ bytes, starts, ends, escaped }: Row, field: number): Buffer {
  const raw = bytes.subarray(starts[field], ends[field]);
  return escaped[field] === 1 ? unescaped(raw) : raw;
}

const LETTERS: Readonly<Record<string, number>> = { b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
/** By the byte behind the backslash; 0 = the byte itself. */
const ESCAPES = Uint8Array.from(
  { length: 256 },
  (_, byte) => LETTERS[String.fromCharCode(byte)] ?? 0,
);

function unescaped(raw: Buffer): Buffer {
  const value = Buffer.allocUnsafe(raw.length);
  let to = 0;
  for (let at = 0; at < raw.length; at += 1) {
    let byte = raw[at] as number;
    if (byte === BACKSLASH && at + 1 < raw.length) {
      at += 1;
      byte = raw[at] as number;
      const code = codeAt(raw, at);
      if (code !== undefined) {
        byte = code.byte;
        at += code.digits - 1;
      } else byte = ESCAPES[byte] || byte;
    }
    value[to] = byte;
    to += 1;
  }
  return value.subarray(0, to);
}

/** `\101` and `\x41`: no server writes them, but another tool may have. */
function codeAt(raw: Buffer, at: number): { byte: number; digits: number } | undefined {
  const text = raw.toString('latin1', at, at + 3);
  const [, octal, hex] = /^(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))/.exec(text) ?? [];
  if (octal !== undefined) return { byte: Number.parseInt(octal, 8) & 0xff, digits: octal.length };
  if (hex !== undefined) return { byte: Number.parseInt(hex, 16), digits: hex.length + 1 };
  return undefined;
}

function wrongFields(row: number, fields: number): StowageError {
  return unreadable(row, `has not the ${fields} values that its columns need`);
}

function unreadable(row: number, why: string): StowageError {
  return new StowageError('set/damaged', `row ${row} of the table ${why}`);
}
