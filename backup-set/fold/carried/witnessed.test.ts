import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SealedRelation } from '../../documents/seal.ts';
import type { Witnesses } from '../../documents/witnesses.ts';
import { consistentSet } from '../../testing/arbitraries.ts';
import { documentsOf, type SetParts, TIMESTAMP } from '../../testing/builders.ts';
import { OLD } from '../../testing/carried-set.ts';
import { fold } from '../../testing/fold-whole.ts';
import { sound } from '../../testing/small-set.ts';
import { seenNow, unreadIn, type WitnessedChange, witnessOf } from '../../testing/witnessed-set.ts';

/** The small set, of which relation 0 is not read. */
function small(change: WitnessedChange = {}): SetParts {
  const made = unreadIn(sound, (_, relation) => relation === 0, change);
  if (made === undefined) throw new Error('the small set is not complete');
  return made;
}

const statusOf = (set: SetParts) => fold(documentsOf(set)).status;

/** Changes the entry of relation 0. */
const entry = (change: Partial<Witnesses['relations'][number]>): WitnessedChange => ({
  witnesses: (document) => ({
    ...document,
    relations: document.relations.map((one) => (one.relation === 0 ? { ...one, ...change } : one)),
  }),
});

const seal = (change: (count: SealedRelation) => SealedRelation): SetParts => {
  const set = small();
  const counts = [...set.counts].map(
    ([content, list]) =>
      [content, list.map((count) => (count.relation === 0 ? change(count) : count))] as const,
  );
  return { ...set, counts: new Map(counts) };
};

describe('a set of which a relation was not read', () => {
  test('is complete, and repeats what the barrier saw and when the rows were read', () => {
    const folded = fold(documentsOf(small()));
    if (folded.status !== 'complete') throw new Error(JSON.stringify(folded));
    expect(folded.parts[0]?.witness).toEqual(seenNow);
    expect(folded.parts[0]?.relations.map(({ readAt }) => readAt)).toEqual([OLD, TIMESTAMP]);
    expect(folded.manifest.totals.readRelations).toBe(1);
    expect(folded.manifest.needs).toEqual([OLD]);
  });

  test('is damaged when its witness does not prove that the rows are the same', () => {
    const [source] = seenNow.sources;
    if (source?.kind !== 'wal-summary') throw new Error('another kind');
    const { since: _, ...unknown } = source;
    const sources: Witnesses['sources'][] = [
      [],
      [unknown],
      [{ ...source, since: '0/A1' }],
      [{ ...source, timeline: 2 }],
      [source, source],
    ];
    for (const changed of sources)
      expect(statusOf(small({ witnesses: (one) => ({ ...one, sources: changed }) }))).toBe(
        'damaged',
      );
    const witness = witnessOf(0);
    for (const changed of [
      { ...witness, oid: 1 },
      { ...witness, file: 1 },
      { ...witness, toastFile: 1 },
      { ...witness, shape: 'S'.repeat(32) },
      witnessOf(0, 1),
    ])
      expect(statusOf(small(entry({ witness: changed })))).toBe('damaged');
    for (const server of [{ systemIdentifier: '7002' }, { databaseOid: 16_385 }])
      expect(statusOf(small({ witnesses: (one) => ({ ...one, ...server }) }))).toBe('damaged');
  });

  test('is damaged when the time of the last reading is not that of the base', () => {
    expect(statusOf(small(entry({ readAt: '20260129120000' })))).toBe('damaged');
    const read: WitnessedChange = {
      witnesses: (one) => ({
        ...one,
        relations: one.relations.map((each) => ({ ...each, readAt: OLD })),
      }),
    };
    expect(statusOf(small(read))).toBe('damaged');
  });

  test('is damaged when seal and witnesses do not both say that it was not read', () => {
    expect(statusOf(seal(({ carried: _, ...count }) => count))).toBe('damaged');
    const silent: WitnessedChange = {
      witnesses: (one) => ({ ...one, relations: one.relations.slice(1) }),
    };
    expect(statusOf(small(silent))).toBe('damaged');
    const twice: WitnessedChange = {
      witnesses: (one) => ({ ...one, relations: one.relations.concat(one.relations.slice(0, 1)) }),
    };
    expect(statusOf(small(twice))).toBe('damaged');
  });

  test('is damaged when the seal has other numbers than the base', () => {
    expect(statusOf(seal((count) => ({ ...count, rows: count.rows + 1 })))).toBe('damaged');
    expect(statusOf(seal((count) => ({ ...count, bytes: count.bytes - 1 })))).toBe('damaged');
    expect(statusOf(seal((count) => ({ ...count, rowFormat: 'binary' })))).toBe('damaged');
  });

  test('is not complete when the base lacks its rows, or its witness', () => {
    expect(statusOf(small({ base: (part) => ({ ...part, packs: [] }) }))).not.toBe('complete');
    const blind: WitnessedChange = { base: ({ witness: _, ...part }) => part };
    expect(statusOf(small(blind))).toBe('damaged');
  });

  test('is incomplete without its witnesses or its base, and damaged with other ones', () => {
    const set = small();
    expect(statusOf({ ...set, witnesses: [] })).toBe('incomplete');
    expect(statusOf({ ...set, baseParts: [] })).toBe('incomplete');
    const other = small(entry({ witness: witnessOf(0, 1) })).witnesses ?? [];
    expect(statusOf({ ...set, witnesses: other })).toBe('damaged');
  });

  test('is damaged under a dispatch, where pages do not decide what a snapshot sees', () => {
    const set = small();
    const snapshot = { ...set.plan.snapshot, mechanism: 'dispatch' as const };
    expect(statusOf({ ...set, plan: { ...set.plan, snapshot } })).toBe('damaged');
  });

  test('is damaged when its readers are not warned', () => {
    const set = small();
    expect(statusOf({ ...set, plan: { ...set.plan, features: ['carried'] } })).toBe('damaged');
  });

  test('is damaged when the same rows were also shipped', () => {
    expect(statusOf({ ...small(), sealed: sound.sealed })).toBe('damaged');
  });
});

describe('a set of which any relations were not read', () => {
  const cut = fc.tuple(consistentSet, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }));
  const made = ([set, unread]: [SetParts, readonly boolean[]], change?: WitnessedChange) =>
    unreadIn(set, (content, relation) => unread[(content * 3 + relation + 1) % 8] === true, change);

  test('has the rows, bytes and frames that it has when all are read', () => {
    fc.assert(
      fc.property(cut, (arbitrary) => {
        const set = made(arbitrary);
        if (set === undefined) return false;
        const [whole, shared] = [fold(documentsOf(arbitrary[0])), fold(documentsOf(set))];
        if (whole.status !== 'complete' || shared.status !== 'complete') return false;
        const sums = ({ manifest }: typeof whole) =>
          manifest.relations.map(({ id, totals, rowFormat }) => [id, totals, rowFormat]);
        expect(sums(shared)).toEqual(sums(whole));
        const framesOf = ({ parts }: typeof whole) =>
          parts.map(({ content, packs }) =>
            packs
              .flatMap(({ extents }) => extents)
              .map(({ offset: _, ...extent }) => JSON.stringify([content, extent]))
              .sort(),
          );
        expect(framesOf(shared)).toEqual(framesOf(whole));
        return true;
      }),
    );
  });

  test('is never complete when one witness of an unread relation is another', () => {
    const wrong = (one: Witnesses): Witnesses => ({
      ...one,
      relations: one.relations.map((each) =>
        each.carried ? { ...each, witness: { ...each.witness, file: 1 } } : each,
      ),
    });
    fc.assert(
      fc.property(cut, (arbitrary) => {
        const set = made(arbitrary, { witnesses: wrong });
        const unread = [...(set?.counts.values() ?? [])].flat().some(({ carried }) => carried);
        return set !== undefined && (statusOf(set) === 'complete') === !unread;
      }),
    );
  });
});
