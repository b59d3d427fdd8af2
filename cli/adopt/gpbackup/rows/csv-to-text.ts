import { UnsoundScript } from '../../script/unsound.ts';

/** Rows of COPY CSV, as gpbackup writes them, in COPY text. */
export interface CsvConverter {
  /** The rows of a chunk; a row or a field may go on in the next chunk. */
  convert(chunk: Uint8Array): Buffer;
  /** @throws UnsoundScript when the rows end inside a row. */
  end(): void;
  /** Rows that have ended. */
  readonly rows: number;
}

const [FIELD_START, PLAIN, QUOTED, QUOTE_IN_QUOTED] = [0, 1, 2, 3] as const;

const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;
const CR = 0x0d;
const BACKSLASH = 0x5c;
const TAB = 0x09;
const UPPER_N = 0x4e;

/** What COPY text writes behind a backslash, by the byte; 0: it writes the byte itself. */
const ESCAPED = new Uint8Array(256);
for (const [byte, letter] of [
  [0x08, 'b'],
  [0x0c, 'f'],
  [NEWLINE, 'n'],
  [CR, 'r'],
  [TAB, 't'],
  [0x0b, 'v'],
  [BACKSLASH, '\\'],
] as const)
  ESCAPED[byte] = letter.charCodeAt(0);

/** Bytes that end a run which is copied as it is, outside and inside of quotes. */
const ENDS_PLAIN = new Uint8Array(256);
const ENDS_QUOTED = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++)
  if (ESCAPED[byte] !== 0) ENDS_PLAIN[byte] = ENDS_QUOTED[byte] = 1;
ENDS_PLAIN[COMMA] = ENDS_PLAIN[QUOTE] = ENDS_QUOTED[QUOTE] = 1;

/** A byte becomes at most three: `\N` and what ends the field. */
const GROWTH = 3;

/**
 * Converts COPY CSV (delimiter `,`, quote and escape `"`, NULL the empty field without quotes) into
 * the very bytes that COPY text writes of the same rows. It accepts only what a server writes.
 * @param columns how many fields each row has; 0: a row is an empty line.
 */
export function csvToText(columns: number): CsvConverter {
  let [state, fields, rows]: [number, number, number] = [FIELD_START, 0, 0];
  const endField = (byte: number) => {
    fields += 1;
    if (byte === COMMA) return TAB;
    if (fields !== columns && !(columns === 0 && fields === 1))
      throw new UnsoundScript(
        `row ${rows + 1} has ${fields} fields, and the table has ${columns} columns`,
      );
    fields = 0;
    rows += 1;
    return NEWLINE;
  };
  return {
    get rows() {
      return rows;
    },
    end() {
      if (state === FIELD_START && fields === 0) return;
      throw new UnsoundScript(`it is cut off inside row ${rows + 1}`);
    },
    convert(chunk) {
      const { length } = chunk;
      const out = Buffer.allocUnsafeSlow(length * GROWTH + 1);
      let [at, to] = [0, 0];
      while (at < length) {
        let byte = chunk[at] as number;
        switch (state) {
          case FIELD_START:
            if (columns === 0 && byte !== NEWLINE)
              throw new UnsoundScript(`row ${rows + 1} has values, and the table has no columns`);
            if (byte === QUOTE) {
              state = QUOTED;
              at += 1;
            } else if (byte === COMMA || byte === NEWLINE) {
              if (columns > 0) {
                out[to++] = BACKSLASH;
                out[to++] = UPPER_N;
              }
              out[to++] = endField(byte);
              at += 1;
            } else state = PLAIN;
            break;
          case PLAIN: {
            while (ENDS_PLAIN[byte] === 0) {
              out[to++] = byte;
              if (++at === length) break;
              byte = chunk[at] as number;
            }
            if (at === length) break;
            at += 1;
            if (byte === COMMA || byte === NEWLINE) {
              out[to++] = endField(byte);
              state = FIELD_START;
            } else if (byte === QUOTE || byte === CR) throw unquoted(byte, rows);
            else {
              out[to++] = BACKSLASH;
              out[to++] = ESCAPED[byte] as number;
            }
            break;
          }
          case QUOTED: {
            while (ENDS_QUOTED[byte] === 0) {
              out[to++] = byte;
              if (++at === length) break;
              byte = chunk[at] as number;
            }
            if (at === length) break;
            at += 1;
            if (byte === QUOTE) state = QUOTE_IN_QUOTED;
            else {
              out[to++] = BACKSLASH;
              out[to++] = ESCAPED[byte] as number;
            }
            break;
          }
          default:
            at += 1;
            if (byte === QUOTE) {
              out[to++] = QUOTE;
              state = QUOTED;
            } else if (byte === COMMA || byte === NEWLINE) {
              out[to++] = endField(byte);
              state = FIELD_START;
            } else
              throw new UnsoundScript(`row ${rows + 1} has a byte behind the quote of a field`);
        }
      }
      return out.subarray(0, to);
    },
  };
}

function unquoted(byte: number, rows: number): UnsoundScript {
  const what = byte === CR ? 'a carriage return' : 'a quote';
  return new UnsoundScript(
    `row ${rows + 1} has ${what} in a field without quotes, which COPY does not write`,
  );
}

/** The rows of a stream of COPY CSV in COPY text. */
export async function* textOfCsv(
  chunks: AsyncIterable<Uint8Array>,
  columns: number,
): AsyncGenerator<Buffer> {
  const converter = csvToText(columns);
  for await (const chunk of chunks) {
    const text = converter.convert(chunk);
    if (text.length > 0) yield text;
  }
  converter.end();
}
