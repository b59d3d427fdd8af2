import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { summarizeExpiry } from '../../backup-set/documents/retention/expiry-summary.ts';
import type { ScheduledRun } from '../schedule/runs.ts';
import { expiryMetrics } from '../serve/expiry-metrics.ts';
import { runEvents } from './schedule-runs.ts';

const AT = new Date('2026-11-29T03:00:00Z');
const of = (timestamp: string, database: string, why: string, ...keptBy: string[]) => ({
  timestamp,
  database,
  why,
  keptBy,
});

const SUMMARY = summarizeExpiry({
  decisions: [
    of('20261129020000', 'orders', '', 'newest complete set', 'keepDaily'),
    of('20261128020000', 'orders', '', 'keepDaily'),
    of('20261127020000', 'orders', 'older than keepDaily'),
    of('20261126020000', 'crm', 'older than keepDaily'),
    of('20261125020000', 'crm', 'held meanwhile'),
  ],
  expired: ['20261127020000', '20261126020000'],
  removed: [
    { timestamp: '20261101020000', database: 'crm', objects: 7, bytes: 700 },
    { timestamp: '20261102020000', database: undefined, objects: 0, bytes: 0 },
  ],
  locked: 1,
});

test('a summary of expiry says which sets expired and why, and what kept the others', () => {
  expect(SUMMARY).toMatchObject({ expired: 2, removed: 1, kept: 2, locked: 1, objects: 7 });
  expect(SUMMARY.lines).toEqual([
    'kept 2 sets, by rule: 2 keepDaily, 1 newest complete set',
    'set 20261127020000 of database orders expired: older than keepDaily',
    'set 20261126020000 of database crm expired: older than keepDaily',
    'set 20261101020000 was removed: 7 objects',
  ]);
  expect(SUMMARY.databases).toEqual([
    { database: 'orders', expired: 1, objects: 0, bytes: 0 },
    { database: 'crm', expired: 1, objects: 7, bytes: 700 },
  ]);
});

test('a summary of many sets and databases is bounded', () => {
  const decisions = Array.from({ length: 5000 }, (_, at) =>
    of(String(20260101000000 + at), `database ${at}`, 'x'.repeat(1000)),
  );
  const expired = decisions.map(({ timestamp }) => timestamp);
  const { lines, linesTotal, databases } = summarizeExpiry({
    decisions,
    expired,
    removed: [],
    locked: 0,
  });
  expect([lines.length, linesTotal, databases.length]).toEqual([20, 5000, 100]);
  expect(databases.reduce((sum, one) => sum + one.expired, 0)).toBe(5000);
});

test('a run of expiry that the schedule has made is an event with the reasons', () => {
  const expiry = SUMMARY;
  const run = {
    entry: 'tidy',
    instant: AT,
    hasEnded: true,
    start: undefined,
    state: 'done',
    end: { endedAt: AT.toISOString(), exitCode: 0, expiry },
  } as unknown as ScheduledRun;
  expect(runEvents(run, AT)).toMatchObject([
    {
      id: '20261129030000000-expiry-done-tidy',
      name: 'expiry-done',
      title:
        'expiry: 2 sets expired, 1 set removed with 7 objects (700 B), 2 sets kept; 1 set locked',
      problems: SUMMARY.lines,
      object: 'schedules/20261129030000000-tidy/end.json',
    },
  ]);
  const nothing = { ...expiry, expired: 0, removed: 0 };
  expect(runEvents({ ...run, end: { ...run.end, expiry: nothing } as never }, AT)).toEqual([]);
});

test('expiry is counted by cluster and database', async () => {
  const registry = new Registry();
  expiryMetrics([registry], 'shop')({ summary: SUMMARY, leftovers: { objects: 3, problems: [] } });
  const text = await registry.metrics();
  expect(text).toContain('stowage_expired_sets_total{cluster="shop",database="crm"} 1\n');
  expect(text).toContain('stowage_expired_objects_total{cluster="shop",database="crm"} 7\n');
  expect(text).toContain('stowage_expired_objects_total{cluster="shop",database=""} 3\n');
});
