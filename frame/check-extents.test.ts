import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkExtents } from './check-extents.ts';
import { hex } from './hex.ts';

const object = Buffer.from(Array.from({ length: 100 }, (_, index) => index));

function extentOf(offset: number, length: number) {
  return { offset, length, crc32: hex(crc32(object.subarray(offset, offset + length))) };
}

/** What `checkExtents` finds when the bytes come in chunks that end at these places. */
function faultsIn(
  bytes: Buffer,
  extents: readonly ReturnType<typeof extentOf>[],
  cuts: readonly number[] = [],
  start = 0,
) {
  const faults: unknown[] = [];
  const check = checkExtents(
    extents,
    ({ offset }, fault) => faults.push({ offset, ...fault }),
    start,
  );
  const ends = [...cuts, bytes.length].sort((a, b) => a - b);
  for (const [index, end] of ends.entries()) check.feed(bytes.subarray(ends[index - 1] ?? 0, end));
  check.end();
  expect(check.position()).toBe(start + bytes.length);
  return faults;
}

describe('checkExtents', () => {
  it('finds each flipped byte in its extent, however the bytes are chunked', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 10 }),
        fc.integer({ min: 0, max: 99 }),
        (places, cuts, flipped) => {
          const bounds = places.sort((a, b) => a - b);
          const extents = bounds
            .slice(1)
            .map((end, index) => extentOf(bounds[index] ?? 0, end - (bounds[index] ?? 0)))
            .filter((_, index) => index % 3 !== 2);
          const copy = Buffer.from(object);
          copy[flipped] = (copy[flipped] ?? 0) ^ 1;
          const wrong = extents.filter(
            ({ offset, length }) => offset <= flipped && flipped < offset + length,
          );
          expect(faultsIn(object, extents, cuts)).toEqual([]);
          expect(faultsIn(copy, extents, cuts)).toEqual(
            wrong.map(({ offset, length }) => ({
              offset,
              kind: 'digest-differs',
              crc32: hex(crc32(copy.subarray(offset, offset + length))),
            })),
          );
        },
      ),
    );
  });

  it('reports how much is there of each extent that the object does not hold to its end', () => {
    const extents = [extentOf(0, 40), extentOf(40, 40), extentOf(90, 10)];
    expect(faultsIn(object.subarray(0, 70), extents, [35])).toEqual([
      { offset: 40, kind: 'cut-off', bytes: 30 },
      { offset: 90, kind: 'cut-off', bytes: 0 },
    ]);
  });

  it('counts offsets from the first byte of the object when the feed starts later', () => {
    const extents = [extentOf(30, 20), extentOf(60, 10)];
    expect(faultsIn(object.subarray(30, 70), extents, [], 30)).toEqual([]);
  });

  it('compares an extent without bytes, also at the end of the object', () => {
    expect(faultsIn(Buffer.alloc(0), [extentOf(0, 0)])).toEqual([]);
    expect(faultsIn(Buffer.alloc(0), [{ ...extentOf(0, 0), crc32: '00000001' }])).toEqual([
      { offset: 0, kind: 'digest-differs', crc32: '00000000' },
    ]);
  });
});
