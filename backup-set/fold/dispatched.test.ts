import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plural } from '../base/words.ts';
import type { Manifest } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import type { Seal } from '../documents/seal.ts';
import { documentsOf, type SetParts } from '../testing/builders.ts';
import { type WholeFolded as Folded, fold } from '../testing/fold-whole.ts';
import { barrierSet, dispatchedSet, greenplumSealOf } from '../testing/greenplum.ts';

type RowCount = NonNullable<Seal['dispatched']>[number];

const nameOf = ({ schema, name }: Relation) => ({ schema, name });

/** The coordinator's counts of these parts. */
function countsOf(parts: SetParts): readonly RowCount[] {
  const { dispatched } = greenplumSealOf(parts);
  if (dispatched === undefined) throw new Error('nothing was dispatched');
  return dispatched;
}

/** The fold of the set with other counts of the coordinator, or without them. */
function foldWith(parts: SetParts, dispatched: readonly RowCount[] | undefined): Folded {
  const { dispatched: _, ...seal } = greenplumSealOf(parts);
  const changed = dispatched === undefined ? seal : { ...seal, dispatched: [...dispatched] };
  return fold(documentsOf(parts, { seal: changed }));
}

function manifestOf(folded: Folded): Manifest {
  if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems));
  return folded.manifest;
}

/** The status, and code and relation of every problem. */
function verdictOf(folded: Folded) {
  if (folded.status === 'complete') return { status: folded.status, problems: [] };
  const problems = folded.problems.map(({ code, relation }) => ({
    code,
    ...(relation && { relation }),
  }));
  return { status: folded.status, problems };
}

/** A set, and one of its relations with the coordinator's count. */
const oneCount = dispatchedSet.chain((parts) =>
  fc.constantFrom(...parts.plan.relations).map((relation) => ({
    parts,
    relation,
    counts: countsOf(parts),
    count: countOf(parts, relation.id),
  })),
);

function countOf(parts: SetParts, id: number): RowCount {
  const count = countsOf(parts).find(({ relation }) => relation === id);
  if (count === undefined) throw new Error(`relation ${id} has no count`);
  return count;
}

const more = fc.integer({ min: 1, max: 1_000_000 });

describe('a dispatched set', () => {
  test('is complete when the coordinator counted as many rows as arrived', () => {
    fc.assert(
      fc.property(dispatchedSet, (parts) => {
        const { snapshot, totals } = manifestOf(foldWith(parts, countsOf(parts)));
        expect(snapshot.mechanism).toBe('dispatch');
        expect(totals.rows).toBe(countsOf(parts).reduce((total, { rows }) => total + rows, 0));
      }),
    );
  });

  test('has the same manifest for any order of the counts', () => {
    const shuffled = dispatchedSet.chain((parts) => {
      const counts = countsOf(parts);
      return fc
        .shuffledSubarray([...counts], { minLength: counts.length })
        .map((other) => ({ parts, counts, other }));
    });
    fc.assert(
      fc.property(shuffled, ({ parts, counts, other }) => {
        // Only the proof differs: it has the digest of the seal.
        const { proof: _, ...manifest } = manifestOf(foldWith(parts, counts));
        const { proof: __, ...again } = manifestOf(foldWith(parts, other));
        expect(again).toEqual(manifest);
      }),
    );
  });

  test('reports a missing receipt, but not the sums that differ because of it', () => {
    const lost = dispatchedSet
      .filter(({ sealed }) => sealed.length > 0)
      .chain((parts) => fc.constantFrom(...parts.sealed).map((receipt) => ({ parts, receipt })));
    fc.assert(
      fc.property(lost, ({ parts, receipt }) => {
        const sealed = parts.sealed.filter((one) => one !== receipt);
        const { receipts } = documentsOf({ ...parts, sealed });
        const folded = fold(documentsOf(parts, { receipts, seal: greenplumSealOf(parts) }));
        if (folded.status !== 'incomplete') throw new Error(folded.status);
        // All problems are about that content.
        for (const problem of folded.problems) expect(problem.content).toBe(receipt.content);
      }),
    );
  });
});

describe('for any relation,', () => {
  test('a missing count makes the set incomplete', () => {
    fc.assert(
      fc.property(oneCount, ({ parts, relation, counts, count }) => {
        const left = counts.filter((one) => one !== count && one.relation !== relation.id);
        expect(left).toHaveLength(counts.length - 1);
        expect(verdictOf(foldWith(parts, left))).toEqual({
          status: 'incomplete',
          problems: [{ code: 'relation-incomplete', relation: nameOf(relation) }],
        });
      }),
    );
  });

  test('fewer rows than the coordinator counted make the set incomplete', () => {
    fc.assert(
      fc.property(oneCount, more, ({ parts, relation, counts, count }, missing) => {
        const counted = count.rows + missing;
        const folded = foldWith(parts, replaced(counts, { ...count, rows: counted }));
        expect(verdictOf(folded)).toEqual({
          status: 'incomplete',
          problems: [{ code: 'relation-incomplete', relation: nameOf(relation) }],
        });
        if (folded.status === 'incomplete')
          expect(folded.problems[0]?.message).toBe(
            `the packs have ${plural(count.rows, 'row')}, but the coordinator counted ${plural(counted, 'row')}`,
          );
      }),
    );
  });

  test('more rows than the coordinator counted make the set damaged', () => {
    const withRows = oneCount.filter(({ count }) => count.rows > 0);
    fc.assert(
      fc.property(withRows, more, ({ parts, relation, counts, count }, surplus) => {
        const rows = Math.max(0, count.rows - surplus);
        expect(verdictOf(foldWith(parts, replaced(counts, { ...count, rows })))).toEqual({
          status: 'damaged',
          problems: [{ code: 'relation-surplus', relation: nameOf(relation) }],
        });
      }),
    );
  });

  test('two counts make the set damaged, even equal ones, in any order', () => {
    fc.assert(
      fc.property(
        oneCount,
        fc.nat(3),
        fc.boolean(),
        ({ parts, relation, counts, count }, extra, first) => {
          const twin = { ...count, rows: count.rows + extra };
          const twice = first ? [twin, ...counts] : [...counts, twin];
          expect(verdictOf(foldWith(parts, twice))).toEqual({
            status: 'damaged',
            problems: [{ code: 'documents-disagree', relation: nameOf(relation) }],
          });
        },
      ),
    );
  });
});

describe('the coordinator’s counts', () => {
  test('make the set damaged if they are of a relation that the plan does not define', () => {
    fc.assert(
      fc.property(dispatchedSet, fc.nat(9), fc.nat(9), (parts, beyond, rows) => {
        const unplanned = parts.plan.relations.length + beyond;
        const folded = foldWith(parts, [...countsOf(parts), { relation: unplanned, rows }]);
        expect(verdictOf(folded)).toEqual({
          status: 'damaged',
          problems: [{ code: 'documents-disagree' }],
        });
        if (folded.status === 'damaged')
          expect(folded.problems[0]?.message).toContain(`relation ${unplanned},`);
      }),
    );
  });

  test('are required under dispatch: without them every relation is reported', () => {
    fc.assert(
      fc.property(dispatchedSet, fc.constantFrom([], undefined), (parts, none) => {
        expect(verdictOf(foldWith(parts, none))).toEqual({
          status: 'incomplete',
          problems: parts.plan.relations.map((relation) => ({
            code: 'relation-incomplete',
            relation: nameOf(relation),
          })),
        });
      }),
    );
  });

  test('make the set damaged under a barrier, even if they are right or the list is empty', () => {
    fc.assert(
      fc.property(barrierSet, fc.boolean(), (parts, right) => {
        expect(foldWith(parts, undefined).status).toBe('complete');
        const { dispatched = [] } = greenplumSealOf({
          ...parts,
          plan: { ...parts.plan, snapshot: { ...parts.plan.snapshot, mechanism: 'dispatch' } },
        });
        expect(verdictOf(foldWith(parts, right ? dispatched : []))).toEqual({
          status: 'damaged',
          problems: [{ code: 'documents-disagree' }],
        });
      }),
    );
  });

  test('are compared per relation, and all wrong ones are reported', () => {
    const several = dispatchedSet.filter(({ plan }) => plan.relations.length > 1);
    fc.assert(
      fc.property(several, more, (parts, change) => {
        const counts = countsOf(parts).map((count) => ({ ...count, rows: count.rows + change }));
        expect(verdictOf(foldWith(parts, counts))).toEqual({
          status: 'incomplete',
          problems: parts.plan.relations.map((relation) => ({
            code: 'relation-incomplete',
            relation: nameOf(relation),
          })),
        });
      }),
    );
  });
});

const replaced = (counts: readonly RowCount[], count: RowCount) =>
  counts.map((one) => (one.relation === count.relation ? count : one));
