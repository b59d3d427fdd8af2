/** The polynomial of CRC-32 in zlib, gzip and PNG, with its bits reflected. */
const POLYNOMIAL = 0xedb88320;
/** Powers in the table: lengths are below 2^53 bytes (safe integers) of 2^3 bits each. */
const POWERS = 56;

/** x^(2^n) modulo the polynomial. */
const POWER_OF_TWO: readonly number[] = powersOfTwo();

/**
 * The CRC-32 of two concatenated byte strings, from the CRC-32 of each and the length of the
 * second. So the CRC-32 of a pack is computed from those of its frames, without reading the bytes
 * again. This is the algorithm of zlib's crc32_combine.
 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  let shift = 0x80000000;
  // x to the power of the number of bits in the second string.
  for (let bytes = secondBytes, power = 3; bytes > 0; bytes = Math.floor(bytes / 2), power++) {
    if (bytes % 2 === 1) shift = multiply(POWER_OF_TWO[power] ?? 0, shift);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

/** The product of two polynomials modulo that of CRC-32, with reflected bits. */
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
