import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import type { Seal } from '../documents/seal.ts';
import { documentsOf, type SetParts } from '../testing/builders.ts';
import { type WholeFolded as Folded, fold } from '../testing/fold-whole.ts';
import { barrierSet, dispatchedSet, greenplumSealOf } from '../testing/greenplum.ts';

type Word = NonNullable<Seal['dispatched']>[number];

const nameOf = ({ schema, name }: Relation) => ({ schema, name });

/** The coordinator's counts of these parts. */
function wordsOf(parts: SetParts): readonly Word[] {
  const { dispatched } = greenplumSealOf(parts);
  if (dispatched === undefined) throw new Error('nothing was dispatched');
  return dispatched;
}

/** The fold of the set with other counts of the coordinator, or without them. */
function foldWith(parts: SetParts, dispatched: readonly Word[] | undefined): Folded {
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
const oneWord = dispatchedSet.chain((parts) =>
  fc.constantFrom(...parts.plan.relations).map((relation) => ({
    parts,
    relation,
    words: wordsOf(parts),
    word: wordOf(parts, relation.id),
  })),
);

function wordOf(parts: SetParts, id: number): Word {
  const word = wordsOf(parts).find(({ relation }) => relation === id);
  if (word === undefined) throw new Error(`no word on ${id}`);
  return word;
}

const more = fc.integer({ min: 1, max: 1_000_000 });

describe('a dispatched set', () => {
  test('is complete when the coordinator counted as many rows as arrived', () => {
    fc.assert(
      fc.property(dispatchedSet, (parts) => {
        const { snapshot, totals } = manifestOf(foldWith(parts, wordsOf(parts)));
        expect(snapshot.mechanism).toBe('dispatch');
        expect(totals.rows).toBe(wordsOf(parts).reduce((total, { rows }) => total + rows, 0));
      }),
    );
  });

  test('has the same manifest for any order of the counts', () => {
    const shuffled = dispatchedSet.chain((parts) => {
      const words = wordsOf(parts);
      return fc
        .shuffledSubarray([...words], { minLength: words.length })
        .map((other) => ({ parts, words, other }));
    });
    fc.assert(
      fc.property(shuffled, ({ parts, words, other }) => {
        // Only the proof differs: it has the digest of the seal.
        const { proof: _, ...manifest } = manifestOf(foldWith(parts, words));
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
      fc.property(oneWord, ({ parts, relation, words, word }) => {
        const left = words.filter((one) => one !== word && one.relation !== relation.id);
        expect(left).toHaveLength(words.length - 1);
        expect(verdictOf(foldWith(parts, left))).toEqual({
          status: 'incomplete',
          problems: [{ code: 'relation-incomplete', relation: nameOf(relation) }],
        });
      }),
    );
  });

  test('fewer rows than the coordinator counted make the set incomplete', () => {
    fc.assert(
      fc.property(oneWord, more, ({ parts, relation, words, word }, missing) => {
        const counted = word.rows + missing;
        const folded = foldWith(parts, replaced(words, { ...word, rows: counted }));
        expect(verdictOf(folded)).toEqual({
          status: 'incomplete',
          problems: [{ code: 'relation-incomplete', relation: nameOf(relation) }],
        });
        if (folded.status === 'incomplete')
          expect(folded.problems[0]?.message).toContain(`${word.rows} of the ${counted} rows`);
      }),
    );
  });

  test('more rows than the coordinator counted make the set damaged', () => {
    const withRows = oneWord.filter(({ word }) => word.rows > 0);
    fc.assert(
      fc.property(withRows, more, ({ parts, relation, words, word }, surplus) => {
        const rows = Math.max(0, word.rows - surplus);
        expect(verdictOf(foldWith(parts, replaced(words, { ...word, rows })))).toEqual({
          status: 'damaged',
          problems: [{ code: 'relation-surplus', relation: nameOf(relation) }],
        });
      }),
    );
  });

  test('two counts make the set damaged, even equal ones, in any order', () => {
    fc.assert(
      fc.property(
        oneWord,
        fc.nat(3),
        fc.boolean(),
        ({ parts, relation, words, word }, extra, first) => {
          const twin = { ...word, rows: word.rows + extra };
          const twice = first ? [twin, ...words] : [...words, twin];
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
        const stranger = parts.plan.relations.length + beyond;
        const folded = foldWith(parts, [...wordsOf(parts), { relation: stranger, rows }]);
        expect(verdictOf(folded)).toEqual({
          status: 'damaged',
          problems: [{ code: 'documents-disagree' }],
        });
        if (folded.status === 'damaged')
          expect(folded.problems[0]?.message).toContain(`relation ${stranger},`);
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
        const words = wordsOf(parts).map((word) => ({ ...word, rows: word.rows + change }));
        expect(verdictOf(foldWith(parts, words))).toEqual({
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

const replaced = (words: readonly Word[], word: Word) =>
  words.map((one) => (one.relation === word.relation ? word : one));
