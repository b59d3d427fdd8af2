import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timestampOf } from '../base/timestamps.ts';
import { calendar } from './calendar.ts';
import { type Decision, decide, type RuledSet } from './decide.ts';
import { earlier } from './duration.ts';
import { RetentionRules } from './rules.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const HOUR = 3600_000;

/** A complete set so many hours ago. */
const set = (hoursAgo: number, change: Partial<RuledSet> = {}): RuledSet => ({
  timestamp: timestampOf(new Date(NOW.getTime() - hoursAgo * HOUR)),
  status: 'complete',
  series: 'shop',
  tags: [],
  readers: [],
  needsFilesOf: [],
  ...change,
});
const rules = (given: Record<string, unknown>) => RetentionRules.parse(given);
const goneFrom = (decisions: readonly Decision[]) =>
  decisions.filter(({ keptBy }) => keptBy.length === 0).map(({ timestamp }) => timestamp);
const rulesOf = (decisions: readonly Decision[], { timestamp }: RuledSet) =>
  decisions.find((one) => one.timestamp === timestamp)?.keptBy;

const anySet = fc
  .record({
    hoursAgo: fc.integer({ min: 0, max: 24 * 900 }),
    status: fc.constantFrom(
      ...(['complete', 'complete', 'unproven', 'incomplete', 'damaged', 'open'] as const),
    ),
    series: fc.constantFrom('shop', 'books'),
    tags: fc.uniqueArray(fc.constantFrom('nightly', 'monthly')),
    held: fc.constantFrom(undefined, 'audit'),
    readers: fc.constantFrom([], [], ['restore 1']),
  })
  .map(({ hoursAgo, ...rest }) => set(hoursAgo, rest));
const anySets = fc.uniqueArray(anySet, { selector: ({ timestamp }) => timestamp, maxLength: 40 });

const number = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
const anyKeep = fc
  .record({
    keepLast: number,
    keepWithin: fc.constantFrom(undefined, '12h', '3d', '2w', '1m', '1y2m'),
    keepHourly: number,
    keepDaily: number,
    keepWeekly: number,
    keepMonthly: number,
    keepYearly: number,
  })
  .map((keep) =>
    Object.fromEntries(Object.entries(keep).filter(([, value]) => value !== undefined)),
  );
const anyRules = fc
  .record({
    general: anyKeep,
    nightly: anyKeep,
    timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
    keepFailed: fc.constantFrom('0h', '7d', '1y'),
  })
  .map(({ general, nightly, ...rest }) => ({ ...general, tags: { nightly }, ...rest }));

test('the older sets whose files a kept increment needs stay, and those of one that goes do not', () => {
  const [full, first] = [set(96), set(72)];
  const second = set(48, { needsFilesOf: [full.timestamp, first.timestamp] });
  const held = set(24, { needsFilesOf: [second.timestamp], held: 'audit' });
  const chain = [full, { ...first, needsFilesOf: [full.timestamp] }, second];
  const latest = rules({ keepLast: 1 });
  const kept = decide([...chain, held, set(1)], latest, NOW);
  expect(goneFrom(kept)).toEqual([]);
  expect(rulesOf(kept, full)).toEqual(['an increment needs its files']);
  expect(goneFrom(decide([...chain, set(1)], latest, NOW))).toHaveLength(3);
});

describe('the rules of retention', () => {
  test('never expire the newest complete set of a series, a held set, one that is read, or one that is not judged', () => {
    fc.assert(
      fc.property(anySets, anyRules, (sets, given) => {
        const gone = new Set(goneFrom(decide(sets, rules(given), NOW)));
        for (const one of sets) {
          const isNewest = !sets.some(
            (other) =>
              other.series === one.series &&
              other.status === 'complete' &&
              other.timestamp > one.timestamp,
          );
          const mustStay =
            (one.status === 'complete' && isNewest) ||
            one.held !== undefined ||
            one.readers.length > 0 ||
            one.status === 'open' ||
            one.status === 'unproven';
          if (mustStay) expect(gone).not.toContain(one.timestamp);
        }
      }),
    );
  });

  test('keep at least as much when a rule is added or raised', () => {
    const added = fc.constantFrom('keepLast', 'keepDaily', 'keepWeekly', 'keepMonthly');
    fc.assert(
      fc.property(anySets, anyRules, added, (sets, given, name) => {
        const some = { keepLast: 1, ...given };
        const present = Object.entries(some).find(([field]) => field === name)?.[1];
        const more = { ...some, [name]: Number(present ?? 0) + 3 };
        const fewer = new Set(goneFrom(decide(sets, rules(some), NOW)));
        for (const timestamp of goneFrom(decide(sets, rules(more), NOW)))
          expect(fewer).toContain(timestamp);
      }),
    );
  });

  test('expire nothing more when they are applied to what they kept', () => {
    fc.assert(
      fc.property(anySets, anyRules, (sets, given) => {
        const gone = goneFrom(decide(sets, rules(given), NOW));
        const left = sets.filter(({ timestamp }) => !gone.includes(timestamp));
        expect(goneFrom(decide(left, rules(given), NOW))).toEqual([]);
      }),
    );
  });

  test('do not depend on the order of the sets', () => {
    fc.assert(
      fc.property(anySets, anyRules, (sets, given) => {
        const reversed = decide(sets.toReversed(), rules(given), NOW);
        expect(reversed).toEqual(decide(sets, rules(given), NOW));
      }),
    );
  });

  test('keep the newest set of each period, and name the rule and the period', () => {
    const days = [1, 5, 25, 30, 49, 24 * 40].map((hours) => set(hours));
    const decided = decide(days, rules({ keepDaily: 2, keepMonthly: 3 }), NOW);
    expect(days.map((one) => rulesOf(decided, one))).toEqual([
      ['newest complete set', 'keepDaily 2026-03-01', 'keepMonthly 2026-03'],
      [],
      ['keepDaily 2026-02-28', 'keepMonthly 2026-02'],
      [],
      [],
      ['keepMonthly 2026-01'],
    ]);
  });

  test('keep the oldest set of a history that has fewer periods than the rule, as restic does', () => {
    const days = [1, 2, 25, 26, 27].map((hours) => set(hours));
    const decided = decide(days, rules({ keepDaily: 3 }), NOW);
    expect(goneFrom(decided)).toEqual([days[1]?.timestamp, days[3]?.timestamp]);
    expect(rulesOf(decided, set(27))).toEqual(['keepDaily oldest']);
    expect(goneFrom(decide(days, rules({ keepDaily: 2 }), NOW))).toContain(days[4]?.timestamp);
  });

  test('count days that have sets, not days of the calendar', () => {
    const days = [24, 24 * 100, 24 * 200, 24 * 300].map((hours) => set(hours));
    expect(goneFrom(decide(days, rules({ keepDaily: 3 }), NOW))).toEqual([days[3]?.timestamp]);
  });

  test('keep what is within a duration before the newest complete set', () => {
    const days = [24 * 10, 24 * 12, 24 * 14].map((hours) => set(hours));
    expect(goneFrom(decide(days, rules({ keepWithin: '3d' }), NOW))).toEqual([days[2]?.timestamp]);
  });

  test('of a tag count only its sets, in addition to the general rules', () => {
    const sets = [
      set(1),
      set(2, { tags: ['nightly'] }),
      set(3),
      set(4, { tags: ['nightly'] }),
      set(5, { tags: ['nightly'] }),
    ];
    const given = { keepLast: 1, tags: { nightly: { keepLast: 2 } } };
    expect(goneFrom(decide(sets, rules(given), NOW))).toEqual([
      sets[2]?.timestamp,
      sets[4]?.timestamp,
    ]);
    const onlyTag = decide(sets, rules({ tags: { nightly: { keepLast: 1 } } }), NOW);
    expect(rulesOf(onlyTag, set(3))).toEqual(['no rule applies']);
  });

  test('count each database and selection for itself', () => {
    const sets = [set(1), set(2, { series: 'books' }), set(3)];
    expect(goneFrom(decide(sets, rules({ keepLast: 1 }), NOW))).toEqual([sets[2]?.timestamp]);
  });

  test('never count a set that is not complete', () => {
    const sets = [
      set(1, { status: 'unproven' }),
      set(2, { status: 'damaged' }),
      set(3, { status: 'open' }),
      set(4),
      set(5),
    ];
    const decided = decide(sets, rules({ keepLast: 1 }), NOW);
    expect(goneFrom(decided)).toEqual([sets[4]?.timestamp]);
  });

  test('expire failed sets a time after the verdict, and damaged ones only beside a complete one', () => {
    const failed = {
      status: 'incomplete',
      judgedAt: new Date(NOW.getTime() - 6 * 24 * HOUR),
    } as const;
    const old = { ...failed, judgedAt: new Date(NOW.getTime() - 8 * 24 * HOUR) };
    const damaged = { ...old, status: 'damaged' } as const;
    const sets = [set(300, failed), set(301, old), set(302, damaged)];
    const config = rules({ keepLast: 9 });
    const alone = decide(sets, config, NOW);
    expect(goneFrom(alone)).toEqual([sets[1]?.timestamp]);
    expect(rulesOf(alone, set(302))).toEqual(['no complete set of its kind']);
    const beside = decide([...sets, set(400)], config, NOW);
    expect(goneFrom(beside)).toEqual([sets[1]?.timestamp, sets[2]?.timestamp]);
    expect(beside.find(({ timestamp }) => timestamp === sets[1]?.timestamp)?.why).toBe(
      'incomplete for longer than 7d',
    );
  });

  test('keep a set from the future, and let it replace no other', () => {
    const sets = [set(-24 * 400), set(1), set(2)];
    const decided = decide(sets, rules({ keepLast: 1 }), NOW);
    expect(goneFrom(decided)).toEqual([sets[2]?.timestamp]);
    expect(rulesOf(decided, set(-24 * 400))).toEqual(['from the future']);
  });
});

describe('the calendar', () => {
  const name = (at: string, period: 'hour' | 'day' | 'week' | 'month', timeZone = 'UTC') =>
    calendar(timeZone)(new Date(at), period);

  test('begins a day at midnight of its time zone', () => {
    expect(name('2026-03-01T23:30:00Z', 'day')).toBe('2026-03-01');
    expect(name('2026-03-01T23:30:00Z', 'day', 'Europe/Berlin')).toBe('2026-03-02');
    expect(name('2026-03-01T00:00:00Z', 'hour')).toContain('2026-03-01 00 ');
  });

  test('has ISO weeks', () => {
    expect(name('2027-01-01T12:00:00Z', 'week')).toBe('2026-W53');
    expect(name('2026-12-28T12:00:00Z', 'week')).toBe('2026-W53');
    expect(name('2027-01-04T12:00:00Z', 'week')).toBe('2027-W01');
    expect(name('2024-12-30T12:00:00Z', 'week')).toBe('2025-W01');
  });

  test('tells the two hours of a night in autumn apart', () => {
    const hours = ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'];
    const [one, other] = hours.map((at) => name(at, 'hour', 'Europe/Berlin'));
    expect(one).not.toBe(other);
  });
});

describe('a duration', () => {
  test('is subtracted by the calendar for months and years', () => {
    const from = new Date('2026-03-31T10:00:00Z');
    expect(earlier(from, '1m').toISOString()).toBe('2026-02-28T10:00:00.000Z');
    expect(earlier(from, '1y1m').toISOString()).toBe('2025-02-28T10:00:00.000Z');
    expect(earlier(from, '1w2d3h').toISOString()).toBe('2026-03-22T07:00:00.000Z');
  });

  test('of keepRequests is at least a day, and an expiry runs at most every 6 minutes', () => {
    const isValid = (given: object) => RetentionRules.safeParse(given).success;
    expect(['23h', '0d', '24h', '1m'].map((keepRequests) => isValid({ keepRequests }))).toEqual([
      ...[false, false, true, true],
    ]);
    expect([0.01, 0.1].map((everyHours) => isValid({ everyHours }))).toEqual([false, true]);
  });

  test.each(['', '7', 'd', '7 d', '1h2d', '-1d'])('is not %j', (keepFailed) => {
    expect(RetentionRules.safeParse({ keepFailed }).success).toBe(false);
  });
});
