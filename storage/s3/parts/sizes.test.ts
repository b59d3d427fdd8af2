import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cutIntoParts,
  PART_BYTES_DEFAULT,
  PARTS_MAX,
  partBytesAt,
  uploadBytesMax,
} from './sizes.ts';

const MIB = 1024 * 1024;
const firstBytes = fc.integer({ min: 5 * MIB, max: 512 * MIB });

describe('the parts of an upload of unknown length', () => {
  test('double in size after every 1,000 parts, up to 64 MiB', () => {
    const sizes = [1, 1_000, 1_001, 2_000, 2_001, 3_001, 9_999, PARTS_MAX].map((n) =>
      partBytesAt(n, 8 * MIB),
    );
    expect(sizes.map((bytes) => (bytes ?? 0) / MIB)).toEqual([8, 8, 16, 16, 32, 64, 64, 64]);
    expect(partBytesAt(PARTS_MAX + 1, 8 * MIB)).toBeUndefined();
  });

  test('hold 492 GiB by default', () => {
    expect(Math.floor(uploadBytesMax(PART_BYTES_DEFAULT) / 1024 ** 3)).toBe(492);
  });

  test('never shrink, and never grow past 64 MiB or what was set', () => {
    fc.assert(
      fc.property(firstBytes, fc.integer({ min: 1, max: PARTS_MAX - 1 }), (first, number) => {
        const [bytes, next] = [
          partBytesAt(number, first) ?? 0,
          partBytesAt(number + 1, first) ?? 0,
        ];
        expect(bytes).toBeGreaterThanOrEqual(first);
        expect(next).toBeGreaterThanOrEqual(bytes);
        expect(next).toBeLessThanOrEqual(Math.max(first, 64 * MIB));
      }),
    );
  });

  test('add up to the size of the largest object', () => {
    fc.assert(
      fc.property(firstBytes, (first) => {
        let bytes = 0;
        for (let number = 1; number <= PARTS_MAX; number += 1)
          bytes += partBytesAt(number, first) ?? 0;
        expect(uploadBytesMax(first)).toBe(bytes);
      }),
      { numRuns: 10 },
    );
  });
});

test('the parts of a copy cover the object once, in order, in at most 10,000', () => {
  const sizes = [
    fc.integer({ min: 1, max: 5 * 1024 ** 4 }),
    fc.integer({ min: 5 * MIB, max: 1024 ** 3 }),
  ] as const;
  fc.assert(
    fc.property(...sizes, (bytes, partBytes) => {
      const parts = cutIntoParts(bytes, partBytes);
      expect(parts.length).toBeLessThanOrEqual(PARTS_MAX);
      let end = 0;
      for (const [index, part] of parts.entries()) {
        if (part.number !== index + 1 || part.offset !== end || part.bytes < 1)
          throw new Error(`part ${index}`);
        end += part.bytes;
      }
      expect(end).toBe(bytes);
    }),
    { numRuns: 30 },
  );
});
