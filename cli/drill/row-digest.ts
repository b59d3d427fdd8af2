/** A digest of rows that does not depend on their order. */
export interface RowsDigest {
  readonly rows: number;
  readonly digest: string;
}

const NEWLINE = 0x0a;
/** Odd constants of MurmurHash3 and of Knuth's multiplicative hash. */
const FIRST = 0x85eb_ca6b;
const SECOND = 0x9e37_79b1;

/**
 * Sums a 64-bit hash of each line of COPY text. Two of the same line count twice, so that a lost
 * and a doubled row do not cancel out. Chunks may end anywhere.
 */
export function rowsDigest() {
  let rows = 0;
  let [high, low] = [0, 0];
  let [a, b, length] = [0, 0, 0];
  const endRow = () => {
    const first = mixed(a ^ length);
    const second = mixed(b + Math.imul(length, FIRST));
    high = (high + first) >>> 0;
    low = (low + second) >>> 0;
    rows += 1;
    [a, b, length] = [0, 0, 0];
  };
  return {
    feed(chunk: Uint8Array): void {
      for (const byte of chunk) {
        if (byte === NEWLINE) {
          endRow();
          continue;
        }
        a = Math.imul(a ^ byte, FIRST) + ((a << 13) | (a >>> 19));
        b = Math.imul(b + byte + 1, SECOND) ^ (b >>> 15);
        length += 1;
      }
    },
    result: (): RowsDigest => ({ rows, digest: hex(high) + hex(low) }),
  };
}

/** The last step of MurmurHash3: each bit of the input changes each bit of the result. */
function mixed(value: number): number {
  let hash = value >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), FIRST);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const hex = (value: number) => value.toString(16).padStart(8, '0');
