import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import type { Observed } from '../observe/observer.ts';
import { noRuns } from '../observe/runs.ts';
import type { SeenSet, SeenVerdict } from '../observe/seen-set.ts';
import { DATABASES_MAX, observedMetrics } from './observed-metrics.ts';

const NOW = new Date('2026-01-31T12:00:00Z');
const HOUR = 3600;

/** A set that began so many hours ago, with complete verdicts of these levels. */
function setOf(database: string, hours: number, ...levels: string[]): SeenSet {
  const startedAt = new Date(NOW.getTime() - hours * HOUR * 1000);
  const timestamp = startedAt.toISOString().replace(/\D/g, '').slice(0, 14);
  const verdicts = levels.map((level, at) => ({
    key: `${timestamp} ${at}`,
    instant: `${timestamp}00${at}`,
    level: level as SeenVerdict['level'],
    status: 'complete' as const,
    problemsTotal: 0,
    problems: [],
    warningsTotal: level === 'validate' ? 2 : 0,
    warnings: [],
  }));
  const numbers = {
    tables: 7,
    readTables: 3,
    rows: 10,
    bytes: 900,
    storedBytes: 300,
    newBytes: 20,
  };
  const facts = { cluster: 'shop', database, startedAt, ms: 61_000, ...numbers };
  return { timestamp, verdicts, facts };
}

async function textOf(...sets: SeenSet[]): Promise<string> {
  const registry = new Registry();
  const metrics = observedMetrics([registry], () => NOW);
  const runs = noRuns();
  const copied = sets.at(-1)?.timestamp ?? '';
  runs.copies.set(copied, { timestamp: copied, at: NOW });
  const schedule = [
    { entry: 'nightly', isFailing: true },
    { entry: 'weekly', isFailing: false },
  ];
  const heard = [
    { role: 'agent', name: 'db1', tool: '', lastAt: NOW, isOverdue: false, contents: [] },
  ] satisfies Observed['heard'];
  metrics.set({
    now: NOW,
    sets,
    runs,
    schedule,
    heard,
    events: [],
    unreadable: [],
  } satisfies Observed);
  metrics.count(
    sets.slice(0, 1).map(({ timestamp }) => ({
      ...({ id: 'r', at: NOW, title: '', problems: [], problemsTotal: 0, stored: true } as const),
      name: 'restore-done',
      status: 'restored',
      set: timestamp,
    })),
  );
  return registry.metrics();
}

test('each agent and runner says when it was last heard', async () => {
  expect(await textOf()).toContain(
    `stowage_last_heard_timestamp_seconds{role="agent",name="db1"} ${NOW.getTime() / 1000}\n`,
  );
});

test('each entry of the schedule says whether it fails', async () => {
  const text = await textOf();
  expect(text).toContain('stowage_schedule_failing{entry="nightly"} 1');
  expect(text).toContain('stowage_schedule_failing{entry="weekly"} 0');
});

describe('the metrics of databases', () => {
  test('have the numbers of the newest complete set', async () => {
    const text = await textOf(setOf('orders', 1), setOf('orders', 2, 'validate'));
    const of = '{cluster="shop",database="orders"}';
    for (const [name, value] of Object.entries({
      tables: 7,
      read_tables: 3,
      rows: 10,
      bytes: 900,
      stored_bytes: 300,
      new_bytes: 20,
      seconds: 61,
      warnings: 2,
    }))
      expect(text).toContain(`stowage_last_set_${name}${of} ${value}\n`);
  });

  test('have the age of the newest complete, verified, drilled and copied set', async () => {
    const text = await textOf(
      setOf('orders', 1, 'validate'),
      setOf('orders', 25, 'validate', 'drill'),
      setOf('orders', 49, 'validate', 'verify'),
      setOf('orders', 73, 'validate'),
    );
    const ages = [...text.matchAll(/^stowage_set_age_seconds\{.*kind="(\w+)"\} (\d+)/gm)].map(
      ([, kind, seconds]) => [kind, Number(seconds) / HOUR],
    );
    expect(Object.fromEntries(ages)).toEqual({
      complete: 1,
      drilled: 25,
      verified: 49,
      copied: 73,
    });
  });

  test('count restores by the database of the set, from 0 on', async () => {
    const text = await textOf(setOf('orders', 1, 'validate'), setOf('shop', 2, 'validate'));
    const of = (database: string) => `{cluster="shop",database="${database}",result="restored"}`;
    expect(text).toContain(`stowage_restores_total${of('orders')} 1\n`);
    expect(text).toContain(`stowage_restores_total${of('shop')} 0\n`);
  });

  test('are bounded: the databases that have none are counted', async () => {
    const sets = Array.from({ length: DATABASES_MAX + 5 }, (_, at) =>
      setOf(`database ${at}`, 1, 'validate'),
    );
    const text = await textOf(...sets);
    expect(text.match(/^stowage_last_set_rows\{/gm)).toHaveLength(DATABASES_MAX);
    expect(text).toContain('stowage_databases_left_out 5\n');
  });
});
