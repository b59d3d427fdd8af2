import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timestampOf } from '../base/timestamps.ts';
import { isReadAgain } from './reread.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const start = Date.UTC(2026, 0, 5);
const at = (ms: number) => timestampOf(new Date(ms));

describe('isReadAgain', () => {
  test('reads about a seventh of the tables each night when the limit is a week', () => {
    const names = Array.from({ length: 1000 }, (_, n) => ({ schema: 'public', name: `t${n}` }));
    const readAt = new Map(names.map(({ name }) => [name, at(start)]));
    for (let night = 1; night <= 21; night++) {
      const now = new Date(start + night * DAY_MS);
      const due = names.filter((name) =>
        isReadAgain(readAt.get(name.name), { now, rereadAfterMs: WEEK_MS, name }),
      );
      expect(due.length).toBeGreaterThan(90);
      expect(due.length).toBeLessThan(200);
      for (const { name } of due) readAt.set(name, timestampOf(now));
    }
  });

  test('always reads rows that are older than the limit', () => {
    const ages = fc.record({ age: fc.nat(1000 * 24), limit: fc.integer({ min: 1, max: 1000 }) });
    fc.assert(
      fc.property(ages, fc.string({ minLength: 1 }), ({ age, limit }, name) => {
        const now = new Date(start + age * HOUR_MS);
        const terms = { now, rereadAfterMs: limit * HOUR_MS, name: { schema: 's', name } };
        return age < limit || isReadAgain(at(start), terms);
      }),
    );
  });

  test('always reads with the limit 0, without a time, and when the time lies in the future', () => {
    const terms = { now: new Date(start), name: { schema: 's', name: 't' } };
    expect(isReadAgain(at(start), { ...terms, rereadAfterMs: 0 })).toBe(true);
    expect(isReadAgain(undefined, { ...terms, rereadAfterMs: WEEK_MS })).toBe(true);
    expect(isReadAgain(at(start + 1000), { ...terms, rereadAfterMs: WEEK_MS })).toBe(true);
    expect(isReadAgain(at(start), { ...terms, rereadAfterMs: WEEK_MS })).toBe(false);
  });
});
