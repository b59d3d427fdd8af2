import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { consistentSet } from '../testing/arbitraries.ts';
import { countingExtents, documentsOf, sealOf, type WholeSeal } from '../testing/builders.ts';
import { type WholeFolded as Folded, fold } from '../testing/fold-whole.ts';
import type { Plan } from './plan.ts';

const setAndOne = consistentSet
  .filter(({ sealed }) => sealed.length > 0)
  .chain((parts) =>
    fc.record({ parts: fc.constant(parts), one: fc.constantFrom(...parts.sealed) }),
  );

function problemsOf(folded: Folded, status: 'incomplete' | 'damaged') {
  expect(folded.status).toBe(status);
  return folded.status === 'complete' ? [] : folded.problems;
}

describe('a set is not complete with an altered seal', () => {
  /** The seal with one count of the database changed. */
  const countChange = fc.record({
    field: fc.constantFrom('rows' as const, 'bytes' as const),
    by: fc.constantFrom(-1, 1),
  });
  const setAndCount = consistentSet
    .filter(({ counts }) => [...counts.values()].flat().length > 0)
    .chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        count: fc.constantFrom(
          ...[...parts.counts].flatMap(([content, list]) =>
            list.map((count) => ({ content, count })),
          ),
        ),
      }),
    );

  test('with one count too high it is incomplete, with one too low damaged', () => {
    fc.assert(
      fc.property(
        setAndCount,
        countChange,
        ({ parts, count: { content, count } }, { field, by }) => {
          fc.pre(count[field] + by >= 0);
          const changed = (parts.counts.get(content) ?? []).map((each) =>
            each === count ? { ...count, [field]: count[field] + by } : each,
          );
          const folded = fold(
            documentsOf({ ...parts, counts: new Map(parts.counts).set(content, changed) }),
          );
          const named = parts.plan.relations[count.relation];
          expect(problemsOf(folded, by > 0 ? 'incomplete' : 'damaged')).toEqual([
            expect.objectContaining({
              code: by > 0 ? 'relation-incomplete' : 'relation-surplus',
              content,
              relation: { schema: named?.schema, name: named?.name },
            }),
          ]);
        },
      ),
    );
  });

  test('with rows too high and bytes too low it is damaged', () => {
    fc.assert(
      fc.property(setAndCount, ({ parts, count: { content, count } }) => {
        fc.pre(count.bytes > 0);
        const crossed = { ...count, rows: count.rows + 1, bytes: count.bytes - 1 };
        const counts = (parts.counts.get(content) ?? []).map((each) =>
          each === count ? crossed : each,
        );
        const folded = fold(
          documentsOf({ ...parts, counts: new Map(parts.counts).set(content, counts) }),
        );
        expect(folded.status).toBe('damaged');
      }),
    );
  });

  const changes: Record<string, (seal: WholeSeal) => WholeSeal> = {
    'its timestamp is of another set': (seal) => ({ ...seal, timestamp: '20260131120001' }),
    'its outcome is failed': (seal) => ({ ...seal, outcome: 'failed' }),
    'a content is removed': (seal) => ({ ...seal, contents: seal.contents.slice(1) }),
    'a content is listed twice': (seal) => ({
      ...seal,
      contents: [...seal.contents, ...seal.contents],
    }),
    'it lists a content that the plan does not have': (seal) => ({
      ...seal,
      contents: [...seal.contents, { content: 99, receipts: [], relations: [] }],
    }),
    'it counts a relation that the plan does not have': (seal) =>
      inEach(seal, (content) => ({
        ...content,
        relations: [...content.relations, { relation: 99, attempt: 1, rows: 0, bytes: 0 }],
      })),
    'it names a receipt that does not exist': (seal) =>
      inEach(seal, (content) => ({
        ...content,
        receipts: [
          ...content.receipts,
          { attempt: 9, worker: 9, sequence: 9, sha256: '0'.repeat(64) },
        ],
      })),
  };
  test.each(Object.entries(changes))('when %s', (_, change) => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        expect(fold(documentsOf(parts, { seal: change(sealOf(parts)) })).status).not.toBe(
          'complete',
        );
      }),
    );
  });

  test('when the seal reports a failure, the problem has segment and reason', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const failures = [{ content: 7, code: 'shipper/died', message: 'killed' }];
        const folded = fold(
          documentsOf(parts, { seal: { ...sealOf(parts), outcome: 'failed', failures } }),
        );
        expect(problemsOf(folded, 'incomplete')).toEqual([
          {
            code: 'segment-failed',
            cause: 'shipper/died',
            content: 7,
            message: 'killed (shipper/died)',
          },
        ]);
      }),
    );
  });

  test('when a digest is changed, or a receipt or relation removed', () => {
    fc.assert(
      fc.property(setAndOne, fc.constantFrom('drop', 'digest'), ({ parts, one }, how) => {
        fc.pre(
          one.kind === 'metadata' ||
            countingExtents(one, parts.counts).length > 0 ||
            how === 'digest',
        );
        const { content, attempt, worker, sequence } = one;
        const isOne = (entry: WholeSeal['contents'][number]['receipts'][number]) =>
          entry.attempt === attempt && entry.worker === worker && entry.sequence === sequence;
        const seal = inEach(sealOf(parts), (sealed) =>
          sealed.content !== content
            ? sealed
            : {
                ...sealed,
                receipts:
                  how === 'drop'
                    ? sealed.receipts.filter((entry) => !isOne(entry))
                    : sealed.receipts.map((entry) =>
                        isOne(entry) ? { ...entry, sha256: 'f'.repeat(64) } : entry,
                      ),
              },
        );
        expect(fold(documentsOf(parts, { seal })).status).not.toBe('complete');
      }),
    );
  });
});

function inEach(
  seal: WholeSeal,
  change: (content: WholeSeal['contents'][number]) => WholeSeal['contents'][number],
): WholeSeal {
  return { ...seal, contents: seal.contents.map(change) };
}

test('a set is damaged if its plan was changed after the seal', () => {
  const changes: ((plan: Plan) => Plan)[] = [
    (plan) => ({ ...plan, database: `${plan.database}2` }),
    (plan) => ({
      ...plan,
      relations: plan.relations.map((relation) => ({ ...relation, name: `${relation.name}x` })),
    }),
    (plan) => ({
      ...plan,
      contents: plan.contents.map((content) => ({ ...content, encoding: 'LATIN1' })),
    }),
  ];
  fc.assert(
    fc.property(consistentSet, fc.constantFrom(...changes), (parts, change) => {
      const plan = change(parts.plan);
      fc.pre(JSON.stringify(plan) !== JSON.stringify(parts.plan));
      const folded = fold(documentsOf(parts, { plan, seal: sealOf(parts) }));
      expect(folded.status).toBe('damaged');
    }),
  );
});
