import { describe, expect, test } from 'vitest';
import { OLD } from '../testing/carried-set.ts';
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
const terms: Terms = {
  base: {
    witness: {
      ...seenNow,
      sources: source?.kind === 'wal-summary' ? [{ ...source, lsn: lsnOfBase ?? '' }] : [],
    },
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

test('reasons are counted, the most frequent first', () => {
  expect(countReasons(['changed', 'unlogged', 'changed'])).toEqual([
    { reason: 'changed', tables: 2 },
    { reason: 'unlogged', tables: 1 },
  ]);
});
