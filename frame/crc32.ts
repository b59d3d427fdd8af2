/** The polynomial of CRC-32 as zlib, gzip and PNG use it, its bits reflected. */
const POLYNOMIAL = 0xedb88320;
/** Powers of two of x that are kept: lengths are safe integers, below 2^53 bytes, and each byte is 2^3 bits. */
const POWERS = 56;

/** x^(2^n) modulo the polynomial. */
const POWER_OF_TWO: readonly number[] = powersOfTwo();

/**
 * The CRC-32 of two byte strings one after the other, from the CRC-32 of each and the length of the second: what is
 * digested as a frame need not be read again for the digest of its pack. The way is that of zlib's crc32_combine.
 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  let shift = 0x80000000;
  // x to the power of the bits in `secondBytes`, bit by bit of that number.
  for (let bytes = secondBytes, power = 3; bytes > 0; bytes = Math.floor(bytes / 2), power++) {
    if (bytes % 2 === 1) shift = multiply(POWER_OF_TWO[power] ?? 0, shift);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

/** The product of two polynomials modulo the CRC's, their bits reflected. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 0x80000000, shifted = b; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

function powersOfTwo(): number[] {
  const powers = [0x40000000];
  while (powers.length < POWERS) {
    const last = powers.at(-1) ?? 0;
    powers.push(multiply(last, last));
  }
  return powers;
}
