import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { planDisagreements } from '../fold/agreement.ts';
import { plan } from '../testing/plans.ts';
import { idsOf, rangesOf } from './plan.ts';

test('idsOf returns the ids of rangesOf, each once and in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30)), (ids) => {
      expect([...idsOf(rangesOf(ids))]).toEqual([...new Set(ids)].sort((a, b) => a - b));
    }),
  );
});

test('rangesOf returns the smallest list: no two ranges are adjacent', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30)), (ids) => {
      const ranges = rangesOf(ids);
      ranges.slice(1).forEach(([first], at) => {
        expect(first).toBeGreaterThan((ranges[at]?.[1] ?? 0) + 1);
      });
      expect(rangesOf(idsOf(ranges))).toEqual(ranges);
    }),
  );
});

test('a consistent plan has no disagreements', () => {
  fc.assert(fc.property(plan, (made) => planDisagreements(made).length === 0));
});
