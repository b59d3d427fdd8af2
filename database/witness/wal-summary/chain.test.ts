import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lsnNumber } from '../../../backup-set/witness/lsn.ts';
import { coversAll, type Summary, summaryAt } from './chain.ts';

const lsn = (at: number) => `0/${at.toString(16).toUpperCase()}`;
const summary = (start: number, end: number): Summary => ({
  ...{ timeline: 1, start: lsn(start), end: lsn(end) },
});

test('a position is compared as a number, not as a text', () => {
  expect(lsnNumber('0/FF') < lsnNumber('0/100')).toBe(true);
  expect(lsnNumber('2/0')).toBe(2n ** 33n);
});

describe('coversAll', () => {
  const chain = [summary(30, 40), summary(10, 20), summary(20, 30)];

  test('is true for summaries without a gap, in any order', () => {
    expect(coversAll(chain, lsn(10), lsn(40))).toBe(true);
    expect(coversAll(chain, lsn(15), lsn(15))).toBe(true);
  });

  test('is false with a gap, before the first, behind the last and backwards', () => {
    expect(coversAll(chain.slice(0, 2), lsn(10), lsn(40))).toBe(false);
    expect(coversAll(chain, lsn(9), lsn(40))).toBe(false);
    expect(coversAll(chain, lsn(10), lsn(41))).toBe(false);
    expect(coversAll(chain, lsn(30), lsn(20))).toBe(false);
  });

  test('is true exactly when every position lies in a summary', () => {
    const ranges = fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 8 })), { maxLength: 8 });
    fc.assert(
      fc.property(ranges, fc.nat(38), fc.nat(38), (made, from, length) => {
        const to = from + length;
        const positions = Array.from({ length }, (_, at) => from + at);
        const isCovered = positions.every((at) => made.some(([s, l]) => s <= at && at < s + l));
        const summaries = made.map(([start, size]) => summary(start, start + size));
        return coversAll(summaries, lsn(from), lsn(to)) === isCovered;
      }),
    );
  });
});

test('the summary at a position includes its start and its end', () => {
  expect(summaryAt([summary(10, 20)], lsn(20))).toEqual(summary(10, 20));
  expect(summaryAt([summary(10, 20)], lsn(21))).toBeUndefined();
});
