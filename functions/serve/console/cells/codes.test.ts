import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABSENT,
  codeOfCount,
  codeOfRatio,
  codeOfShare,
  countOfCode,
  EMPTY,
  isValue,
  NOT_READ,
  NOT_YET_READ,
  ratioOfCode,
  shareOfCode,
  UNREADABLE,
} from './codes.ts';

describe('codes of cells', () => {
  it('give a count back within 16 %', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (count) => {
        const code = codeOfCount(count);
        expect(isValue(code)).toBe(true);
        expect(countOfCode(code) / count).toBeGreaterThan(0.92);
        expect(countOfCode(code) / count).toBeLessThan(1.08);
      }),
    );
  });

  it('never order two counts the wrong way', () => {
    const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(count, count, (a, b) => {
        const [small, large] = a < b ? [a, b] : [b, a];
        expect(codeOfCount(small)).toBeLessThanOrEqual(codeOfCount(large));
      }),
    );
  });

  it('give a ratio back within 2 %', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 40, noNaN: true }), (ratio) => {
        const found = ratioOfCode(codeOfRatio(ratio * 1000, 1000));
        expect(found / ratio).toBeGreaterThan(0.98);
        expect(found / ratio).toBeLessThan(1.02);
      }),
    );
  });

  it('of values are never those that say why there is no value', () => {
    const special = [ABSENT, EMPTY, UNREADABLE, NOT_YET_READ];
    for (const code of [
      codeOfCount(1),
      codeOfCount(2 ** 53),
      codeOfRatio(1, 1e9),
      codeOfRatio(1e9, 1),
    ])
      expect(special).not.toContain(code);
    for (const carried of [0, 50, 100]) expect(special).not.toContain(codeOfShare(carried, 100));
    expect(codeOfShare(100, 100)).not.toBe(NOT_READ);
    expect([codeOfCount(0), codeOfRatio(0, 0), codeOfShare(0, 0)]).toEqual([EMPTY, EMPTY, EMPTY]);
    expect(shareOfCode(codeOfShare(25, 100))).toBe(0.25);
  });
});
