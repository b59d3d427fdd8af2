import { type OutputBuffer, outputBuffer } from './output-buffer.ts';
import { isNull, plainValue, type Row } from './row-reader.ts';
import type { TextOptions } from './text-options.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;

/** Writes rows in another form than they are read in. */
export interface RowWriter {
  /** Bytes that wait for `take`. */
  readonly length: number;
  /** @param fields of the row, in the order in which they are written. */
  write(row: Row, fields: Uint32Array): void;
  take(): Buffer;
}

/**
 * Writes rows as COPY TO does with these options, byte by byte. The header is the first thing that
 * it writes.
 * @param columns their names, already in the encoding of the rows.
 */
export function textWriter(columns: readonly Buffer[], options: TextOptions): RowWriter {
  const out = outputBuffer();
  const write = options.format === 'csv' ? csvRow(columns, options, out) : textRow(options, out);
  if (options.header) writeHeader(columns, options, out);
  return {
    get length() {
      return out.length;
    },
    write,
    take: () => out.take(),
  };
}

function writeHeader(columns: readonly Buffer[], options: TextOptions, out: OutputBuffer): void {
  for (const [at, name] of columns.entries()) {
    if (at > 0) out.byte(options.delimiter);
    if (options.format === 'csv') csvValue(name, options, out, { isForced: false, isAlone: false });
    else escapedText(name, options.delimiter, out);
  }
  out.byte(NEWLINE);
}

/** The values are escaped for a tab already: another delimiter only needs its own escape. */
function textRow({ delimiter, null: nullText }: TextOptions, out: OutputBuffer) {
  return (row: Row, fields: Uint32Array) => {
    const { bytes, starts, ends } = row;
    for (let at = 0; at < fields.length; at += 1) {
      if (at > 0) out.byte(delimiter);
      const field = fields[at] as number;
      if (isNull(row, field)) out.copy(nullText, 0, nullText.length);
      else if (delimiter === 0x09) out.copy(bytes, starts[field] as number, ends[field] as number);
      else copyEscaping(bytes, starts[field] as number, ends[field] as number, delimiter, out);
    }
    out.byte(NEWLINE);
  };
}

function copyEscaping(
  bytes: Buffer,
  start: number,
  end: number,
  delimiter: number,
  out: OutputBuffer,
): void {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte === delimiter) out.byte(BACKSLASH);
    out.byte(byte);
    if (byte === BACKSLASH && at + 1 < end) {
      at += 1;
      out.byte(bytes[at] as number);
    }
  }
}

const TEXT_ESCAPES: Readonly<Record<number, string>> = {
  8: 'b',
  9: 't',
  10: 'n',
  11: 'v',
  12: 'f',
  13: 'r',
  92: '\\',
};

/** A value that has no escapes yet, as COPY text. */
export function escapedText(value: Uint8Array, delimiter: number, out: OutputBuffer): void {
  for (const byte of value) {
    const letter = TEXT_ESCAPES[byte];
    if (letter !== undefined) {
      out.byte(BACKSLASH);
      out.byte(letter.charCodeAt(0));
    } else {
      if (byte === delimiter) out.byte(BACKSLASH);
      out.byte(byte);
    }
  }
}

function csvRow(columns: readonly Buffer[], options: TextOptions, out: OutputBuffer) {
  const { delimiter, null: nullText, forceQuote } = options;
  const isForced = columns.map(
    (name) => forceQuote === '*' || forceQuote.includes(name.toString()),
  );
  const isAlone = columns.length === 1;
  return (row: Row, fields: Uint32Array) => {
    for (let at = 0; at < fields.length; at += 1) {
      if (at > 0) out.byte(delimiter);
      const field = fields[at] as number;
      if (isNull(row, field)) out.copy(nullText, 0, nullText.length);
      else
        csvValue(plainValue(row, field), options, out, {
          isForced: isForced[at] === true,
          isAlone,
        });
    }
    out.byte(NEWLINE);
  };
}

/** As CopyAttributeOutCSV of PostgreSQL. */
function csvValue(
  value: Buffer,
  { delimiter, quote, escape: escaping, null: nullText }: TextOptions,
  out: OutputBuffer,
  { isForced, isAlone }: { readonly isForced: boolean; readonly isAlone: boolean },
): void {
  let isQuoted = isForced || value.equals(nullText);
  // A line of its own with this value would end the rows.
  if (isAlone && value.length === 2 && value.toString('latin1') === '\\.') isQuoted = true;
  for (let at = 0; at < value.length && !isQuoted; at += 1) {
    const byte = value[at];
    isQuoted = byte === delimiter || byte === quote || byte === NEWLINE || byte === RETURN;
  }
  if (!isQuoted) {
    out.copy(value, 0, value.length);
    return;
  }
  out.byte(quote);
  for (const byte of value) {
    if (byte === quote || byte === escaping) out.byte(escaping);
    out.byte(byte);
  }
  out.byte(quote);
}
