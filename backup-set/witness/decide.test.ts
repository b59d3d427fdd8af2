import { describe, expect, test } from 'vitest';
import type { Ranges } from '../documents/plan.ts';
import { OLD } from '../testing/carried-set.ts';
import { rangedWitness } from '../testing/ranged-set.ts';
import { seenNow, witnessOf } from '../testing/witnessed-set.ts';
import { countReasons, decide, type SeenContent, type Terms } from './decide.ts';
import type { RelationWitness } from './kinds.ts';
import type { Reason } from './reasons.ts';

const relation = (id: number, change = {}) => ({
  ...{ id, schema: 'public', name: `t${id}`, baseRelation: id },
  ...change,
});
const relations = [
  relation(0),
  relation(1),
  relation(2, { condition: 'true' }),
  relation(3),
  { id: 4, schema: 'public', name: 'new' },
  relation(5),
];
const seen: SeenContent = {
  content: seenNow,
  relations: new Map<number, RelationWitness | Reason>([
    [0, witnessOf(0)],
    [1, witnessOf(1, 3)],
    [2, witnessOf(2)],
    [3, 'unlogged'],
    [4, witnessOf(4)],
  ]),
};
const [source] = seenNow.sources;
const lsnOfBase = source?.kind === 'wal-summary' ? source.since : undefined;
const witness = {
  ...seenNow,
  sources: source?.kind === 'wal-summary' ? [{ ...source, lsn: lsnOfBase ?? '' }] : [],
};
const terms: Terms = {
  base: {
    witness,
    relations: [0, 1, 2, 3, 5].map((id) => {
      return { relation: id, rows: 10, bytes: 20, witness: witnessOf(id), readAt: OLD };
    }),
  },
  now: new Date('2026-01-30T12:00:01Z'),
  rereadAfterMs: 365 * 86_400_000,
};

describe('decide', () => {
  test('leaves unread what the witness proves, and says why it reads the rest', () => {
    const decided = decide(seen, relations, terms);
    expect(decided.unread).toEqual([{ relation: 0, rows: 10, bytes: 20 }]);
    expect(Object.fromEntries(decided.reasons)).toEqual({
      ...{ 1: 'changed', 2: 'condition', 3: 'unlogged', 4: 'not-in-base', 5: 'no-witness' },
    });
  });

  test('keeps the time of the last reading of unread rows, and gives the others its own', () => {
    const { relations: entries } = decide(seen, relations, terms).document('20260131120000', 0);
    expect(entries.map((one) => [one.relation, one.readAt, one.carried])).toEqual([
      [0, OLD, true],
      [1, '20260131120000', undefined],
      [4, '20260131120000', undefined],
    ]);
  });

  test('reads everything without a base, and when rows must be read again', () => {
    const full = decide(seen, relations, { ...terms, base: undefined });
    expect([full.unread, full.reasons.get(0)]).toEqual([[], 'full']);
    const due = decide(seen, relations, { ...terms, rereadAfterMs: 0 });
    expect([due.unread, due.reasons.get(0)]).toEqual([[], 'reread-due']);
  });
});

describe('decide, of a table in ranges of blocks', () => {
  const inRanges = (change = {}): Terms => ({
    ...terms,
    base: {
      witness,
      relations: [
        {
          ...{ relation: 0, rows: 30, bytes: 60, witness: rangedWitness(3), readAt: OLD },
          ...{ readRanges: [[0, 2]] satisfies Ranges, ...change },
        },
      ],
      volumes: new Map([
        [0, new Map([0, 1, 2].map((range) => [range, { rows: range, bytes: 9 }]))],
      ]),
    },
  });
  const now = (one: RelationWitness) => ({ ...seen, relations: new Map([[0, one]]) });
  const entryOf = (one: RelationWitness, known: Terms) => {
    const decided = decide(now(one), [relation(0)], known);
    const [entry] = decided.document('20260131120000', 0).relations;
    return { ranged: decided.ranged, entry };
  };
  const whole = { relation: 0, blocks: 8, count: 3, read: [[0, 2]] };

  test('reads the changed ranges, and knows what the others have', () => {
    const { ranged, entry } = entryOf(rangedWitness(3, [[1, 1]]), inRanges());
    expect(ranged).toEqual([{ ...whole, read: [[1, 1]], unread: { rows: 2, bytes: 18 } }]);
    expect(entry).toMatchObject({ readRanges: [[1, 1]], readAt: OLD });
    expect(entry).not.toHaveProperty('carried');
  });

  test('reads all ranges when they must be read again, and when the base has none', () => {
    const changed = rangedWitness(3, [[1, 1]]);
    const cases = [
      { ...inRanges(), rereadAfterMs: 0 },
      { ...terms, base: undefined },
      inRanges({ rowFormat: 'binary' }),
      inRanges({ readRanges: undefined }),
    ];
    for (const known of cases) {
      const { ranged, entry } = entryOf(changed, known);
      expect(ranged).toEqual([whole]);
      expect(entry).toMatchObject({ readRanges: [[0, 2]], readAt: '20260131120000' });
    }
  });

  test('reads none when nothing changed, and keeps the ranges of the base', () => {
    const unchanged = { ...rangedWitness(3, []), changedBlocks: 0 };
    const { ranged, entry } = entryOf(unchanged, inRanges());
    expect(ranged).toEqual([]);
    expect(entry).toMatchObject({ carried: true, readRanges: [] });
  });
});

test('reasons are counted, the most frequent first', () => {
  expect(countReasons(['changed', 'unlogged', 'changed'])).toEqual([
    { reason: 'changed', tables: 2 },
    { reason: 'unlogged', tables: 1 },
  ]);
});
