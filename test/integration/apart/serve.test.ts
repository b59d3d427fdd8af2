import pino from 'pino';
import { expect, test } from 'vitest';
import { encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { Outcome } from '../../../backup-set/documents/restore/restore.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import { observer } from '../../../functions/observe/observer.ts';
import { newestCompleteByDatabase } from '../../../functions/observe/overdue.ts';
import { createEnd, createStart } from '../../../functions/schedule/runs.ts';
import type { Overview, TableHistory } from '../../../functions/serve/console/api.ts';
import { verdictKeys } from '../../../functions/stored/load.ts';
import { writeVerdict } from '../../../functions/stored/write-verdict.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { storeRequest } from '../functions/restores.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { eventsOf, metricIn, post, serving } from '../serve/serving.ts';
import { MIDDLE, NEWEST, OLDEST, type World, world } from './world.ts';

/** A server that runs for months: one object must not blind it, nor fill its log. */

const manifestOf = (timestamp: string) => formatKey({ kind: 'manifest', timestamp });
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
const restoreAt = (minutes: number) => `${instantOf(ago(minutes))}-0123abcd`;

async function served(at: World, more: Parameters<typeof serving>[1] = {}) {
  const lines: string[] = [];
  const write = (line: string) => lines.push((JSON.parse(line) as { msg: string }).msg);
  const log = pino({ level: 'info' }, { write });
  const functionsLog = log.child({}, { level: 'error' });
  const { url } = await serving(at.deps, { log, functionsLog, ...more });
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  return { url, lines, metrics };
}

async function restored(at: World, id: string): Promise<void> {
  await storeRequest(at.deps.store, { timestamp: NEWEST, contents: [0] }, id);
  const outcome = { format: 'stowage/outcome', version: 1, id, timestamp: NEWEST, counted: false };
  const totals = { contents: 1, relations: 1, rows: 1, bytes: 1, extents: 1, storedBytes: 1 };
  const ended = { ...outcome, status: 'restored', totals, problemsTotal: 0, problems: [] };
  const bytes = encode(Outcome, Outcome.parse(ended));
  await at.deps.store.create(formatKey({ kind: 'outcome', restore: id }), bytes);
}

test('the metrics of serve are about the other sets, count what it could not read, and its log has one line of it', async () => {
  const at = await world();
  const [verdict = ''] = await verdictKeys(at.deps, MIDDLE);
  at.withhold(manifestOf(NEWEST));
  at.plant(verdict, 'not JSON');
  const { lines, metrics } = await served(at, { sweepIntervalMs: 300 });
  const labels = '{cluster="small",database="places"}';
  await waitUntil(
    async () => metricIn(await metrics(), `stowage_last_set_rows${labels}`) !== undefined,
  );
  const text = await metrics();
  expect(metricIn(text, 'stowage_unreadable_objects')).toBe(2);
  expect(metricIn(text, 'stowage_sweep_problems')).toBeGreaterThan(0);
  const swept = () => metricIn(text, 'stowage_sweeps_total{result="done"}') ?? 0;
  const before = swept();
  await waitUntil(async () => {
    const now = metricIn(await metrics(), 'stowage_sweeps_total{result="done"}') ?? 0;
    return now >= before + 4;
  });
  const about = (key: string) => lines.filter((line) => line.includes(key));
  expect(about(manifestOf(NEWEST)).length).toBeGreaterThan(0);
  expect(about(verdict).length).toBeGreaterThan(0);
  // The observer and the sweep look with different eyes: each says it once.
  expect(about(manifestOf(NEWEST)).length).toBe(new Set(about(manifestOf(NEWEST))).size);
  expect(about(verdict).length).toBe(new Set(about(verdict)).size);
});

test('restores, copies and runs of the schedule are events although one of each is withheld', async () => {
  const at = await world([NEWEST]);
  const [hidden, shown] = [restoreAt(50), restoreAt(40)];
  for (const id of [hidden, shown]) await restored(at, id);
  const instant = ago(30);
  for (const entry of ['one', 'two']) {
    const common = { entry, scheduledAt: instant.toISOString() };
    await createStart(at.deps, {
      ...{ format: 'stowage/schedule-start', version: 1, ...common, args: [], by: 'a' },
      ...{ startedAt: instant.toISOString(), holder: 'a', timeoutSeconds: 60 },
    });
    const end = { endedAt: instant.toISOString(), elapsedMs: 1, exitCode: 1, by: 'a' };
    await createEnd(at.deps, { ...common, ...end });
  }
  const endOf = (entry: string) =>
    formatKey({ kind: 'schedule-run', instant: instantOf(instant), entry, file: 'end' });
  at.withhold(formatKey({ kind: 'outcome', restore: hidden }), endOf('one'));
  const schedule = { entries: ['one', 'two'], missed: () => undefined };
  const eye = observer(at.deps, { schedule });
  const { events, unreadable } = await eye.look();
  expect(events.filter(({ name }) => name === 'restore-done')).toMatchObject([{ restore: shown }]);
  // A run whose end cannot be read is one that failed: it may have.
  expect(events.filter(({ name }) => name === 'run-failed').map(({ title }) => title)).toEqual([
    expect.stringContaining('one'),
    expect.stringContaining('two'),
  ]);
  const keys = unreadable.map(({ object }) => object).toSorted();
  expect(keys).toEqual([formatKey({ kind: 'outcome', restore: hidden }), endOf('one')].toSorted());
  // When the store gives them away again, it is told what they say.
  at.strict.rules.withheld = undefined;
  const again = await eye.look();
  expect(again.unreadable).toEqual([]);
  expect(again.events.filter(({ name }) => name === 'restore-done')).toHaveLength(2);
});

test('a set whose newest verdict is malformed is not the newest complete set of the metrics', async () => {
  const at = await world([OLDEST, NEWEST]);
  const damage = { checked: { objects: 0, bytes: 0 }, problems: [], problemsTotal: 1 };
  const { key } = await writeVerdict(at.deps, NEWEST, 'verify', { ...damage, status: 'damaged' });
  at.plant(key, 'not JSON');
  const eye = observer(at.deps, {});
  const newest = async () => newestCompleteByDatabase((await eye.look()).sets).get('places');
  expect((await newest())?.timestamp).toBe(OLDEST);
  // A later check answers.
  await writeVerdict(at.deps, NEWEST, 'verify', {
    ...{ ...damage, status: 'complete', problemsTotal: 0 },
  });
  expect((await newest())?.timestamp).toBe(NEWEST);
});

test('a withheld heartbeat hides no other agent', async () => {
  const at = await world([]);
  const { heartbeatObject } = await import('../../../backup-set/documents/schedule/heartbeat.ts');
  const now = { store: new Date(), host: new Date() };
  const [one, two] = ['db1', 'db2'].map((name) => heartbeatObject({ role: 'agent', name }, now));
  for (const beat of [one, two]) if (beat) await at.deps.store.create(beat.key, beat.bytes);
  at.withhold(one?.key ?? '');
  const { heard, unreadable } = await observer(at.deps).look();
  expect(heard.map(({ name }) => name)).toEqual(['db2']);
  expect(unreadable).toMatchObject([{ object: one?.key }]);
});

test('the console shows the other sets and restores, and a withheld or huge one as unknown', async () => {
  const at = await world();
  const [hidden, shown] = [restoreAt(50), restoreAt(40)];
  for (const id of [hidden, shown]) await restored(at, id);
  at.withhold(manifestOf(MIDDLE), formatKey({ kind: 'restore-request', restore: hidden }));
  at.plant(manifestOf(OLDEST), Buffer.alloc(300 * 1024 * 1024));
  const { url } = await served(at, {
    console: [{ name: 'shop', store: at.deps.store }],
    sweepIntervalMs: 3600_000,
  });
  let overview: Overview | undefined;
  await waitUntil(async () => {
    const answer = await fetch(`${url}/console/api/0/overview`);
    overview = (await answer.json()) as Overview;
    return overview.reading === 0;
  });
  expect(overview?.sets).toMatchObject([
    { timestamp: NEWEST, state: 'complete' },
    { timestamp: MIDDLE, state: 'unknown', unreadable: expect.stringContaining('403') },
    { timestamp: OLDEST, state: 'damaged', unreadable: expect.stringContaining('bytes') },
  ]);
  expect(overview?.restores).toMatchObject([
    { id: shown, status: 'restored' },
    { id: hidden, status: 'unreadable' },
  ]);
  expect(overview?.attention).toContainEqual(expect.objectContaining({ kind: 'unknown' }));
});

test('the history of a table in the console names a withheld set, and has the others', async () => {
  const at = await world();
  const { url } = await served(at, { console: [{ name: 'shop', store: at.deps.store }] });
  const read = async () => {
    const query = 'schema=public&name=big&database=places';
    const answer = await fetch(`${url}/console/api/0/history?${query}`);
    return (await answer.json()) as TableHistory;
  };
  await waitUntil(async () => (await read()).reading === 0);
  at.withhold(manifestOf(MIDDLE));
  // Another table: what was found of the first is remembered.
  let history: TableHistory | undefined;
  await waitUntil(async () => {
    const query = 'schema=other&name=none&database=places';
    const answer = await fetch(`${url}/console/api/0/history?${query}`);
    history = (await answer.json()) as TableHistory;
    return history.reading === 0;
  });
  expect(history).toMatchObject({ unreadable: [MIDDLE], without: [OLDEST, NEWEST] });
});

test('an event about a withheld set fails its job, and the jobs of others are done', async () => {
  const at = await world([]);
  const timestamps = [timestampOf(ago(20)), timestampOf(ago(10))] as const;
  const [hidden, sound] = timestamps;
  const { url, metrics } = await served(at);
  await waitUntil(
    async () => metricIn(await metrics(), 'stowage_sweeps_total{result="done"}') === 1,
  );
  for (const timestamp of timestamps) {
    const set = await storeObjects(at.deps.store, { timestamp, contents: [0] });
    await storeAll(at.deps.store, documentsOf(set));
  }
  const sealOf = (timestamp: string) => formatKey({ kind: 'seal', timestamp });
  at.withhold(sealOf(hidden));
  const keys = timestamps.map((timestamp) => `root/${sealOf(timestamp)}`);
  await post(url, eventsOf(keys, 'strict'));
  await waitUntil(async () => (await at.deps.store.head(manifestOf(sound))) !== undefined);
  expect(await at.deps.store.head(manifestOf(hidden))).toBeUndefined();
  const failed = metricIn(await metrics(), 'stowage_jobs_total{work="stitch",result="failed"}');
  expect(failed).toBe(1);
});

test('the expiry of serve tells which set it left, once', async () => {
  const at = await world();
  const [verdict = ''] = await verdictKeys(at.deps, NEWEST);
  at.withhold(verdict);
  const retention = RetentionRules.parse({ keepLast: 1, graceHours: 0 });
  const { lines, metrics } = await served(at, { retention });
  await waitUntil(async () => (await at.deps.store.head(manifestOf(OLDEST))) === undefined);
  await waitUntil(async () => lines.some((line) => line.includes('expiry went on without')));
  expect(lines.filter((line) => line.includes('expiry went on without'))).toEqual([
    expect.stringContaining(verdict),
  ]);
  expect(await at.deps.store.head(manifestOf(MIDDLE))).toBeDefined();
  const text = await metrics();
  expect(metricIn(text, 'stowage_expiries_total{cluster="",result="done"}')).toBe(1);
  expect(metricIn(text, 'stowage_expiry_problems{cluster=""}')).toBe(1);
});
