/**
 * The rows of COPY BINARY: per row the number of values (16 bits), and per value its length (32
 * bits; -1: NULL) and its bytes. A frame holds rows only; `binaryFile` adds what COPY wants around.
 */
export const BINARY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
export const BINARY_END = Buffer.from([0xff, 0xff]);

/** Finds the ends of rows in bytes that arrive in chunks of any length. */
export interface BinaryRows {
  /**
   * Where the row that `at` belongs to ends in the chunk; undefined when it goes on in the next
   * chunk, or when the bytes are not rows.
   */
  rowEnd(chunk: Uint8Array, at: number): number | undefined;
  /** No row is under way. */
  readonly isBetween: boolean;
  /** The bytes are not rows. */
  readonly isMalformed: boolean;
}

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;

export function binaryRows(): BinaryRows {
  /** -1: the number of values comes next. */
  let valuesLeft = -1;
  let bytesLeft = 0;
  /** The number under way, and how many of its bytes have been read. */
  let number = 0;
  let read = 0;
  let isMalformed = false;

  /** Reads a number at `at`, as far as the chunk has it. @returns where its bytes end. */
  function readNumber(chunk: Uint8Array, at: number, size: number): number {
    let next = at;
    for (; read < size && next < chunk.length; read += 1, next += 1)
      number = (number << 8) | (chunk[next] ?? 0);
    return next;
  }
  /** The next value begins, or the row ends. */
  function take(size: number): void {
    const value = size === COUNT_BYTES ? (number << 16) >> 16 : number;
    number = 0;
    read = 0;
    if (value < (size === COUNT_BYTES ? 0 : -1)) isMalformed = true;
    else if (size === COUNT_BYTES) valuesLeft = value;
    else {
      valuesLeft -= 1;
      bytesLeft = Math.max(0, value);
    }
  }

  return {
    rowEnd(chunk, from) {
      let at = from;
      while (!isMalformed) {
        const some = Math.min(bytesLeft, chunk.length - at);
        bytesLeft -= some;
        at += some;
        if (bytesLeft > 0) return undefined;
        if (valuesLeft === 0) {
          valuesLeft = -1;
          return at;
        }
        const size = valuesLeft < 0 ? COUNT_BYTES : LENGTH_BYTES;
        at = readNumber(chunk, at, size);
        if (read < size) return undefined;
        take(size);
      }
      return undefined;
    },
    get isBetween() {
      return valuesLeft < 0 && read === 0;
    },
    get isMalformed() {
      return isMalformed;
    },
  };
}

/** What COPY … FROM STDIN reads, of the rows of any number of frames. */
export async function* binaryFile(rows: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield BINARY_HEADER;
  yield* rows;
  yield BINARY_END;
}
