import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineCrc32 } from './crc32.ts';

describe('combineCrc32', () => {
  it('returns the CRC-32 of the concatenation of two strings of any length', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5_000 }),
        fc.uint8Array({ maxLength: 5_000 }),
        (a, b) => {
          const whole = crc32(Buffer.concat([a, b]));
          expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(whole);
        },
      ),
    );
  });

  it('returns the same CRC-32 wherever a string is cut', () => {
    const bytes = Buffer.from('frame after frame after frame, until the pack is full');
    for (let cut = 0; cut <= bytes.length; cut++) {
      const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut)];
      expect(combineCrc32(crc32(a), crc32(b), b.length)).toBe(crc32(bytes));
    }
  });

  it('is right beyond 2^32 bytes, where a length does not fit into a 32-bit integer', () => {
    // The CRC-32 of 8 GiB of zeros, once from equal halves and once after 3 bytes.
    const [whole] = zerosOf(2 ** 33);
    const [begin, beginBytes] = zerosOf(3);
    const [rest, restBytes] = zerosOf(2 ** 33 - beginBytes);
    expect(combineCrc32(begin, rest, restBytes)).toBe(whole);
  });
});

/** The CRC-32 of so many zeros, with at most 1 MiB of them in memory. */
function zerosOf(bytes: number): [crc: number, bytes: number] {
  if (bytes <= 2 ** 20) return [crc32(Buffer.alloc(bytes)), bytes];
  const [half, halfBytes] = zerosOf(Math.floor(bytes / 2));
  const [other, otherBytes] = bytes % 2 === 0 ? [half, halfBytes] : zerosOf(Math.ceil(bytes / 2));
  return [combineCrc32(half, other, otherBytes), bytes];
}
