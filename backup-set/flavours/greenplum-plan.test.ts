import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../documents/plan.ts';
import { planDisagreements } from '../fold/agreement.ts';
import { documentsOf, sealOf } from '../testing/builders.ts';
import { fold } from '../testing/fold-whole.ts';
import { greenplumSealOf } from '../testing/greenplum.ts';
import {
  assigned,
  chosen,
  distributed,
  everySegment,
  givenTo,
  greenplumSet,
  holdersOf,
  nameOf,
  problemsOf,
  replicated,
  segmentsOf,
} from '../testing/greenplum-plans.ts';
import { greenplumDisagreements } from './greenplum-plan.ts';

const NOT_WHOLE =
  'the plan does not cover a whole Greenplum cluster: it needs the coordinator (content -1) and contents 0 to N-1';

test('a plan of a whole Greenplum has no problems, in any order of its contents', () => {
  const shuffled = greenplumSet.chain(({ plan }) =>
    fc
      .shuffledSubarray(plan.contents, { minLength: plan.contents.length })
      .map((contents) => ({ ...plan, contents })),
  );
  fc.assert(
    fc.property(shuffled, (plan) => {
      expect(greenplumDisagreements(plan)).toEqual([]);
    }),
  );
});

test('a plan of another flavour may assign a relation to any contents', () => {
  fc.assert(
    fc.property(distributed, ({ parts: { plan }, relation }) => {
      const shards = givenTo({ ...plan, flavour: 'shards' }, relation.id, [0]);
      expect(planDisagreements(shards)).toEqual([]);
    }),
  );
});

describe('a plan does not cover a whole Greenplum', () => {
  const without = (plan: Plan, gone: number) => ({
    ...plan,
    contents: plan.contents.filter(({ content }) => content !== gone),
  });

  test('when the coordinator or a content between others is missing', () => {
    const one = greenplumSet.chain((parts) =>
      fc
        .constantFrom(...parts.plan.contents.slice(0, -1))
        .map(({ content }) => ({ parts, content })),
    );
    fc.assert(
      fc.property(one, ({ parts, content }) => {
        expect(problemsOf(parts, without(parts.plan, content))).toEqual([{ message: NOT_WHOLE }]);
      }),
    );
  });

  test('when it has only a coordinator', () => {
    fc.assert(
      fc.property(greenplumSet, (parts) => {
        const contents = parts.plan.contents.slice(0, 1);
        expect(problemsOf(parts, { ...parts.plan, contents })).toEqual([{ message: NOT_WHOLE }]);
      }),
    );
  });

  test('when its content numbers have a gap', () => {
    fc.assert(
      fc.property(greenplumSet, fc.integer({ min: 1, max: 3 }), (parts, gap) => {
        const last = parts.plan.contents.length - 2;
        const contents = parts.plan.contents.map((planned) =>
          planned.content === last ? { ...planned, content: last + gap } : planned,
        );
        expect(problemsOf(parts, { ...parts.plan, contents })).toEqual([{ message: NOT_WHOLE }]);
      }),
    );
  });

  test('when the last content was removed and the seal still names it', () => {
    fc.assert(
      fc.property(
        greenplumSet.filter(({ plan }) => plan.contents.length > 2),
        (parts) => {
          const gone = parts.plan.contents.length - 2;
          const plan = without(parts.plan, gone);
          const { planSha256 } = sealOf({ ...parts, plan });
          const seal = { ...greenplumSealOf(parts), planSha256 };
          const folded = fold(documentsOf(parts, { plan, seal }));
          if (folded.status !== 'damaged') throw new Error(folded.status);
          // If that content had replicated relations, they are reported instead.
          if (greenplumDisagreements(plan).length > 0) return;
          expect(folded.problems).toContainEqual(
            expect.objectContaining({ code: 'documents-disagree', content: gone }),
          );
        },
      ),
    );
  });
});

describe('a distributed relation is reported', () => {
  test('when any of the segments does not ship it', () => {
    const slice = distributed.chain(({ parts, relation }) =>
      fc
        .constantFrom(...segmentsOf(parts.plan))
        .map(({ content }) => ({ parts, relation, content, count: segmentsOf(parts.plan).length })),
    );
    fc.assert(
      fc.property(slice, ({ parts, relation, content, count }) => {
        const holders = holdersOf(parts.plan, relation.id).filter((holder) => holder !== content);
        const found = problemsOf(parts, givenTo(parts.plan, relation.id, holders));
        expect(found).toEqual([
          {
            message: assigned(count - 1, everySegment(count)),
            relation: nameOf(relation),
          },
        ]);
      }),
    );
  });

  test('when the coordinator ships it, in addition to the segments or instead of one', () => {
    fc.assert(
      fc.property(distributed, fc.boolean(), ({ parts, relation }, beside) => {
        const holders = holdersOf(parts.plan, relation.id).slice(beside ? 0 : 1);
        const count = segmentsOf(parts.plan).length;
        expect(problemsOf(parts, givenTo(parts.plan, relation.id, [-1, ...holders]))).toEqual([
          {
            message: assigned(beside ? count + 1 : count, everySegment(count)),
            relation: nameOf(relation),
          },
        ]);
      }),
    );
  });

  test('when a further segment does not ship it', () => {
    fc.assert(
      fc.property(distributed, ({ parts }) => {
        const { plan } = parts;
        const [last] = plan.contents.slice(-1);
        if (last === undefined) throw new Error('no content');
        const further = { ...last, content: last.content + 1, relations: [] };
        const lacking = plan.relations.filter(
          ({ id }) => !holdersOf(plan, id).includes(-1) && plan.relations[id]?.replicated !== true,
        );
        expect(problemsOf(parts, { ...plan, contents: [...plan.contents, further] })).toEqual(
          lacking.map((relation) => ({
            message: expect.stringContaining('instead of all') as string,
            relation: nameOf(relation),
          })),
        );
      }),
    );
  });
});

describe('a replicated relation', () => {
  test('is reported when two or more contents ship it', () => {
    const holders = replicated.chain(({ parts, relation }) =>
      fc
        .subarray(
          parts.plan.contents.map(({ content }) => content),
          { minLength: 2 },
        )
        .map((several) => ({ parts, relation, several })),
    );
    fc.assert(
      fc.property(holders, ({ parts, relation, several }) => {
        expect(problemsOf(parts, givenTo(parts.plan, relation.id, several))).toEqual([
          {
            message: assigned(several.length, 'one content'),
            relation: nameOf(relation),
          },
        ]);
      }),
    );
  });

  test('is reported when no content ships it', () => {
    fc.assert(
      fc.property(replicated, ({ parts, relation }) => {
        expect(problemsOf(parts, givenTo(parts.plan, relation.id, []))).toEqual([
          {
            message: assigned(0, 'one content'),
            relation: nameOf(relation),
          },
        ]);
      }),
    );
  });

  test('is accepted when one segment or the coordinator ships it', () => {
    fc.assert(
      fc.property(replicated, ({ parts: { plan }, relation }) => {
        for (const { content } of plan.contents)
          expect(planDisagreements(givenTo(plan, relation.id, [content]))).toEqual([]);
      }),
    );
  });
});

describe('selected rows of a table, which a dispatch reads through the coordinator,', () => {
  test('are accepted when only the coordinator ships them', () => {
    fc.assert(
      fc.property(chosen, ({ parts: { plan }, relation }) => {
        expect(holdersOf(plan, relation.id)).toEqual([-1]);
        expect(planDisagreements(plan)).toEqual([]);
      }),
    );
  });

  test('are reported when a segment ships them too, or only some segments, or none', () => {
    const wrong = chosen.chain(({ parts, relation }) => {
      const segments = segmentsOf(parts.plan).map(({ content }) => content);
      const some = fc.subarray(segments, { minLength: 1 }).map((beside) => [-1, ...beside]);
      const few = fc.subarray(segments, { maxLength: segments.length - 1 });
      return fc.oneof(some, few).map((holders) => ({ parts, relation, holders }));
    });
    fc.assert(
      fc.property(wrong, ({ parts, relation, holders }) => {
        const found = problemsOf(parts, givenTo(parts.plan, relation.id, holders));
        expect(found.map((problem) => problem.relation)).toEqual([nameOf(relation)]);
      }),
    );
  });
});

test('all wrong relations are reported, and no others', () => {
  fc.assert(
    fc.property(greenplumSet, (parts) => {
      // Content 0 alone is right for replicated relations, and for a Greenplum of one segment.
      const wrong = parts.plan.relations.reduce(
        (plan, { id }) => givenTo(plan, id, [0]),
        parts.plan,
      );
      const short = segmentsOf(parts.plan).length > 1;
      const named = greenplumDisagreements(wrong).map(({ relation }) => relation?.id);
      const expected = parts.plan.relations.filter(
        (relation) => relation.fromCoordinator === true || (short && relation.replicated !== true),
      );
      expect(named).toEqual(expected.map(({ id }) => id));
    }),
  );
});

test('under a barrier every segment ships its selected rows, not the coordinator', () => {
  fc.assert(
    fc.property(chosen, ({ parts: { plan }, relation }) => {
      const barrier = { ...plan, snapshot: { ...plan.snapshot, mechanism: 'barrier' as const } };
      expect(greenplumDisagreements(barrier).map((found) => found.relation)).toContain(relation);
    }),
  );
});
