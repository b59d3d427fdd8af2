import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planDisagreements } from '../fold/agreement.ts';
import {
  assigned,
  givenTo,
  holdersOf,
  nameOf,
  problemsOf,
  segmentsOf,
  small,
} from '../testing/greenplum-plans.ts';
import { greenplumDisagreements } from './greenplum-plan.ts';

describe('a small table, which a dispatch reads through the coordinator,', () => {
  test('is accepted when only the coordinator ships it', () => {
    fc.assert(
      fc.property(small, ({ parts: { plan }, relation }) => {
        expect(holdersOf(plan, relation.id)).toEqual([-1]);
        expect(planDisagreements(plan)).toEqual([]);
      }),
    );
  });

  test('is reported when segments ship it, beside the coordinator or instead of it, or no content', () => {
    const wrong = small.chain(({ parts, relation }) => {
      const segments = segmentsOf(parts.plan).map(({ content }) => content);
      const beside = fc.subarray(segments, { minLength: 1 }).map((some) => [-1, ...some]);
      const instead = fc.subarray(segments);
      return fc.oneof(beside, instead).map((holders) => ({ parts, relation, holders }));
    });
    fc.assert(
      fc.property(wrong, ({ parts, relation, holders }) => {
        const found = problemsOf(parts, givenTo(parts.plan, relation.id, holders));
        expect(found).toEqual([
          {
            message: assigned(holders.length, 'the coordinator of a dispatch'),
            relation: nameOf(relation),
          },
        ]);
      }),
    );
  });

  test('is reported under a barrier', () => {
    fc.assert(
      fc.property(small, ({ parts: { plan }, relation }) => {
        const barrier = { ...plan, snapshot: { ...plan.snapshot, mechanism: 'barrier' as const } };
        expect(greenplumDisagreements(barrier).map((found) => found.relation)).toContain(relation);
      }),
    );
  });

  test('is reported without its mark', () => {
    fc.assert(
      fc.property(small, ({ parts: { plan }, relation }) => {
        const { fromCoordinator: _, ...unmarked } = relation;
        const relations = plan.relations.with(relation.id, unmarked);
        const named = greenplumDisagreements({ ...plan, relations }).map((found) => found.relation);
        expect(named).toEqual([unmarked]);
      }),
    );
  });
});
