import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../../frame/digest.ts';
import { baseIndex, CARRIED_BYTES_MIN } from './base-index.ts';

const bytes = CARRIED_BYTES_MIN;
const digest = (rows: number) => digestOf(Buffer.from(String(rows)));
const text = (relation: number) => ({ relation, rowFormat: undefined, bytes });

test('an extent of the base is given once, and only for its relation, row format and rows', () => {
  const index = baseIndex();
  index.add(text(1), 7, digest(1));
  index.add(text(1), 8, Buffer.concat([digest(1), digest(2)]), digest(1).length);
  expect(index.take(text(2), digest(1))).toBeUndefined();
  expect(index.take({ ...text(1), rowFormat: 'binary' }, digest(1))).toBeUndefined();
  expect(index.take(text(1), digest(3))).toBeUndefined();
  expect(index.take(text(1), digest(1))).toBe(7);
  expect(index.take(text(1), digest(1))).toBeUndefined();
  expect(index.take(text(1), digest(2))).toBe(8);
});

test('a block below the minimum is not carried', () => {
  const index = baseIndex();
  index.add(text(1), 7, digest(1));
  expect(index.take({ ...text(1), bytes: bytes - 1 }, digest(1))).toBeUndefined();
});

test('the index gives what a list of extents would give', () => {
  const extent = fc.record({ relation: fc.nat(2), rows: fc.nat(20) });
  fc.assert(
    fc.property(
      fc.array(extent, { maxLength: 3000, size: 'max' }),
      fc.array(extent, { maxLength: 200, size: 'max' }),
      (base, read) => {
        const index = baseIndex();
        for (const [at, { relation, rows }] of base.entries())
          index.add(text(relation), at, digest(rows));
        const left = new Set(base.keys());
        for (const { relation, rows } of read) {
          const given = index.take(text(relation), digest(rows));
          const fits = (at: number) => base[at]?.relation === relation && base[at].rows === rows;
          expect(given !== undefined).toBe([...left].some(fits));
          if (given === undefined) continue;
          expect(left.delete(given) && fits(given)).toBe(true);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('a hundred thousand equal blocks are indexed without long searches', () => {
  const index = baseIndex();
  const same = digest(1);
  const numbers = Array.from({ length: 100_000 }, (_, at) => at);
  for (const number of numbers) index.add(text(1), number, same);
  const given = new Set(numbers.map(() => index.take(text(1), same)));
  expect(given.size).toBe(100_000);
  expect(index.take(text(1), digest(1))).toBeUndefined();
});

test('an index that is rolled back gives what it gave before', () => {
  const extents = (maxLength: number) =>
    fc.array(fc.record({ relation: fc.nat(2), rows: fc.nat(20) }), { maxLength, size: 'max' });
  fc.assert(
    fc.property(extents(1500), extents(1500), extents(200), (kept, dropped, later) => {
      const [index, wanted] = [baseIndex(), baseIndex()];
      const add = (to: ReturnType<typeof baseIndex>, list: typeof kept) => {
        for (const { relation, rows } of list) to.add(text(relation), to.size(), digest(rows));
      };
      add(index, kept);
      add(index, dropped);
      index.rollBack(kept.length);
      add(index, later);
      add(wanted, kept);
      add(wanted, later);
      for (const { relation, rows } of [...dropped, ...later, ...kept])
        expect(index.take(text(relation), digest(rows))).toBe(
          wanted.take(text(relation), digest(rows)),
        );
    }),
    { numRuns: 20 },
  );
});
