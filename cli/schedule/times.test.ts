import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dueRuns } from './due.ts';
import type { Entry } from './entries.ts';
import { cronProblem, jitterOf, latestAt, nextAfter } from './times.ts';

const berlin = (cron: string) => ({ cron, timeZone: 'Europe/Berlin' });
const iso = (date: Date | undefined) => date?.toISOString().slice(0, 16);
const at = (text: string) => new Date(`${text}:00Z`);

describe('the instants of an entry', () => {
  test.each([
    [
      '30 2 * * *',
      '2026-03-28T12:00',
      '2026-03-29T01:00',
      'a time in the gap of spring: at its end',
    ],
    ['30 2 * * *', '2026-03-29T01:00', '2026-03-30T00:30', 'the day after spring: at its time'],
    ['30 2 * * *', '2026-10-24T12:00', '2026-10-25T00:30', 'a time that exists twice: the first'],
    ['30 2 * * *', '2026-10-25T00:30', '2026-10-26T01:30', 'a time that exists twice: once'],
    [
      '15 * * * *',
      '2026-10-25T00:15',
      '2026-10-25T01:15',
      'every hour: also the hour that is twice',
    ],
    ['0 0 29 2 *', '2026-01-01T00:00', '2028-02-28T23:00', '29 February'],
  ])('%s after %s is %s (%s)', (cron, after, next) => {
    expect(iso(nextAfter(berlin(cron), at(after)))).toBe(next);
    expect(iso(latestAt(berlin(cron), at(next)))).toBe(next);
  });

  const crons = [
    '30 2 * * *',
    '*/7 * * * *',
    '0 3 * * sun',
    '0 4 1 * *',
    '59 23 31 12 *',
    '@hourly',
  ];
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
  ];
  const moment = fc.date({
    min: new Date('2024-01-01'),
    max: new Date('2030-01-01'),
    noInvalidDate: true,
  });

  test('the newest instant is not after its moment, and no other is between them', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...crons),
        fc.constantFrom(...zones),
        moment,
        (cron, zone, now) => {
          const times = { cron, timeZone: zone };
          const latest = latestAt(times, now);
          if (latest === undefined) throw new Error('no instant');
          expect(latest.getTime()).toBeLessThanOrEqual(now.getTime());
          expect(nextAfter(times, latest)?.getTime()).toBeGreaterThan(now.getTime());
        },
      ),
      { numRuns: 60 },
    );
  });

  test.each(['61 * * * *', '* * * *', '*/5 * * * * *', 'often', '0 0 30 2 *', ''])(
    'the text %j is refused as a cron expression, and is named',
    (text) => {
      expect(cronProblem(text)).toContain(JSON.stringify(text));
    },
  );
});

test('jitter is within its bound, the same for all runners, and differs between roots and days', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(1e7), (root, entry, jitterMs) => {
      const instant = at('2026-11-29T02:00');
      const delay = jitterOf(root, entry, instant, jitterMs);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(Math.max(0, jitterMs - 1));
      expect(jitterOf(root, entry, instant, jitterMs)).toBe(delay);
    }),
  );
  const days = Array.from({ length: 30 }, (_, day) => new Date(Date.UTC(2026, 10, day + 1)));
  const delays = days.map((day) => jitterOf('s3://a', 'nightly', day, 3_600_000));
  expect(new Set(delays).size).toBeGreaterThan(25);
});

describe('what is due', () => {
  const entry = (more: Partial<Entry> = {}): Entry => ({
    name: 'nightly',
    job: 'backup',
    args: ['backup'],
    cron: '0 2 * * *',
    timeZone: 'UTC',
    jitterMs: 0,
    catchUpMs: 12 * 3_600_000,
    timeoutMs: 3_600_000,
    ...more,
  });
  const dueAt = (
    now: string,
    {
      since = '2026-01-01T00:00',
      last,
      ...more
    }: Partial<Entry> & { since?: string; last?: string },
  ) =>
    dueRuns([entry(more)], {
      root: 's3://a',
      now: at(now),
      since: at(since),
      lastRun: () => (last === undefined ? undefined : at(last)),
    }).map(({ instant, isLate }) => `${iso(instant)}${isLate ? ' late' : ''}`);

  test('is the instant that has come, once', () => {
    expect(dueAt('2026-11-29T02:00', {})).toEqual(['2026-11-29T02:00']);
    expect(dueAt('2026-11-29T02:00', { last: '2026-11-29T02:00' })).toEqual([]);
    expect(dueAt('2026-11-29T02:00', { last: '2026-11-28T02:00' })).toEqual(['2026-11-29T02:00']);
  });
  test('is after downtime only the newest missed instant, within the window', () => {
    const down = { since: '2026-11-29T09:00', last: '2026-11-20T02:00' };
    expect(dueAt('2026-11-29T09:00', down)).toEqual(['2026-11-29T02:00 late']);
    expect(dueAt('2026-11-29T15:00', { ...down, since: '2026-11-29T15:00' })).toEqual([]);
    expect(dueAt('2026-11-29T09:00', { ...down, catchUpMs: 0 })).toEqual([]);
  });
  test('is nothing from before a runner began, for an entry that never ran', () => {
    expect(dueAt('2026-11-29T09:00', { since: '2026-11-29T09:00' })).toEqual([]);
    expect(dueAt('2026-11-30T02:00', { since: '2026-11-29T09:00' })).toEqual(['2026-11-30T02:00']);
  });
  test('is also an order, once, without an earlier run and whatever the jitter is', () => {
    const input = (now: string, ordered: string, last?: string) => ({
      root: 's3://a',
      now: at(now),
      since: at('2026-11-29T09:00'),
      lastRun: () => (last === undefined ? undefined : at(last)),
      ordered: () => at(ordered),
    });
    const entries = [entry({ cron: 'order', jitterMs: 3_600_000 })];
    const due = (...given: Parameters<typeof input>) =>
      dueRuns(entries, input(...given)).map(
        ({ instant, isLate }) => `${iso(instant)}${isLate ? ' late' : ''}`,
      );
    expect(due('2026-11-29T09:01', '2026-11-29T09:00')).toEqual(['2026-11-29T09:00']);
    expect(due('2026-11-29T10:00', '2026-11-29T08:00')).toEqual(['2026-11-29T08:00 late']);
    expect(due('2026-11-29T09:01', '2026-11-29T09:00', '2026-11-29T09:00')).toEqual([]);
    expect(due('2026-11-29T09:01', '2026-11-29T09:02')).toEqual([]);
    expect(due('2026-11-29T22:00', '2026-11-29T09:00')).toEqual([]);
  });
  test('waits for the jitter, and is not late because of it', () => {
    const jitterMs = 3_600_000;
    const delay = jitterOf('s3://a', 'nightly', at('2026-11-29T02:00'), jitterMs);
    const input = (ms: number) => ({
      root: 's3://a',
      now: new Date(at('2026-11-29T02:00').getTime() + ms),
      since: at('2026-11-01T00:00'),
      lastRun: () => undefined,
    });
    expect(dueRuns([entry({ jitterMs })], input(delay - 1))).toEqual([]);
    expect(dueRuns([entry({ jitterMs })], input(delay))).toMatchObject([{ isLate: false }]);
  });
  test('runs each instant at most once and in order, whatever the pauses between looks are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 40 }), (minutes) => {
        let now = at('2026-11-01T00:00').getTime();
        let last: Date | undefined;
        const ran: number[] = [];
        for (const pause of minutes) {
          now += pause * 60_000;
          const [due] = dueRuns([entry()], {
            root: 'r',
            now: new Date(now),
            since: at('2026-11-01T00:00'),
            lastRun: () => last,
          });
          if (due === undefined) continue;
          expect(due.instant.getTime()).toBeGreaterThan(last?.getTime() ?? 0);
          last = due.instant;
          ran.push(last.getTime());
        }
        expect(new Set(ran).size).toBe(ran.length);
      }),
    );
  });
});
