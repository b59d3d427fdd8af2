import { expect, test } from 'vitest';
import { dateOf, instantOf } from '../../../backup-set/base/timestamps.ts';
import type { RunChild } from '../../../cli/schedule/child.ts';
import type { Entry } from '../../../cli/schedule/entries.ts';
import { type EndedRun, runDueOnce, runSchedule } from '../../../cli/schedule/runner.ts';
import type { Deps } from '../../../functions/deps.ts';
import { SLOT_MS, slotOf, takeSlot } from '../../../functions/schedule/lease.ts';
import { createEnd, createStart, listRuns, readRuns } from '../../../functions/schedule/runs.ts';
import { freshDeps, keysOf } from '../functions/place.ts';

const DAY_MS = 86_400_000;
/** The clocks of store and host stand at noon. */
const NOON = new Date('2026-11-29T12:00:00Z');

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  job: 'backup',
  args: ['backup', '--tag', name],
  cron: '0 2 * * *',
  timeZone: 'UTC',
  jitterMs: 0,
  catchUpMs: DAY_MS,
  timeoutMs: 3_600_000,
  ...more,
});

const silent = {
  onStarted: () => undefined,
  onEnded: () => undefined,
  onWaiting: () => undefined,
  onTrouble: () => undefined,
};

/** A run of an entry some days ago, so that missed runs are caught up. */
async function ranBefore(deps: Deps, ...names: string[]): Promise<void> {
  const scheduledAt = new Date(NOON.getTime() - 3 * DAY_MS).toISOString();
  for (const name of names)
    await createStart(deps, {
      format: 'stowage/schedule-start',
      version: 1,
      entry: name,
      scheduledAt,
      startedAt: scheduledAt,
      by: 'test',
      holder: 'test',
      args: [],
      timeoutSeconds: 60,
    });
}

/** A child that ends when `end` is called or its signal fires; notes how many run at one time. */
function children(end: (args: readonly string[]) => Promise<number>) {
  let [running, most] = [0, 0];
  const ran: string[] = [];
  const run: RunChild = async (args, abort) => {
    ran.push(args.join(' '));
    most = Math.max(most, ++running);
    const stopped = new Promise<'stopped'>((resolve) => {
      abort.addEventListener('abort', () => resolve('stopped'));
    });
    const result = await Promise.race([end(args), stopped]);
    running -= 1;
    return result === 'stopped' ? { signal: 'SIGTERM' } : { exitCode: result };
  };
  return { run, ran, most: () => most };
}

const optionsOf = (deps: Deps, entries: readonly Entry[], runChild: RunChild, holder: string) => ({
  deps,
  entries,
  runChild,
  holder,
  events: silent,
  stopped: new AbortController().signal,
});

test('of several runners of one schedule exactly one runs each missed instant, one at a time', async () => {
  const deps = await freshDeps(() => NOON);
  await ranBefore(deps, 'a', 'b');
  const entries = [entry('a'), entry('b', { cron: '0 3 * * *' })];
  const { run, ran, most } = children(async () => 0);
  const runners = ['one', 'two', 'three'].map((holder) =>
    runDueOnce(optionsOf(deps, entries, run, holder)),
  );
  await Promise.all(runners);
  // A runner that finds the lease taken leaves the rest to the holder, or to its next call.
  await runDueOnce(optionsOf(deps, entries, run, 'one'));
  await runDueOnce(optionsOf(deps, entries, run, 'two'));
  await runDueOnce(optionsOf(deps, entries, run, 'three'));
  expect(ran.toSorted()).toEqual(['backup --tag a', 'backup --tag b']);
  expect(most()).toBe(1);
  const runs = await readRuns(deps, await listRuns(deps, NOON), NOON);
  expect(runs.filter(({ state }) => state === 'done')).toHaveLength(2);
  expect(runs.find(({ end }) => end !== undefined)?.start?.late).toBe(true);
});

test('an entry that never ran is not run for a time before its runner began', async () => {
  const deps = await freshDeps(() => NOON);
  const { run, ran } = children(async () => 0);
  expect(await runDueOnce(optionsOf(deps, [entry('new')], run, 'one'))).toBe(0);
  expect(await runDueOnce(optionsOf(deps, [entry('now', { cron: '30 11 * * *' })], run, 'x'))).toBe(
    1,
  );
  expect(ran).toEqual(['backup --tag now']);
});

test('a runner waits while another one holds the lease, and starts nothing', async () => {
  const deps = await freshDeps(() => NOON);
  await ranBefore(deps, 'a');
  const slot = slotOf(NOON.getTime(), SLOT_MS);
  await takeSlot(deps, { name: 'schedule', holder: 'other', slotMs: SLOT_MS }, slot);
  const { run, ran } = children(async () => 0);
  expect(await runDueOnce(optionsOf(deps, [entry('a')], run, 'one'))).toBe(0);
  expect(ran).toEqual([]);
});

test('a run that takes longer than its timeout is ended, and its record says so', async () => {
  const deps = await freshDeps(() => NOON);
  await ranBefore(deps, 'slow');
  const { run } = children(() => new Promise(() => undefined));
  await runDueOnce(optionsOf(deps, [entry('slow', { timeoutMs: 20 })], run, 'one'));
  const runs = await readRuns(deps, await listRuns(deps, NOON), NOON);
  expect(runs.at(-1)).toMatchObject({
    state: 'failed',
    end: { stopped: 'timeout', signal: 'SIGTERM' },
  });
});

test('a runner that is stopped ends its child and records that, and leaves the next run alone', async () => {
  const deps = await freshDeps(() => NOON);
  await ranBefore(deps, 'a', 'b');
  const stop = new AbortController();
  const { run, ran } = children(() => {
    stop.abort();
    return new Promise(() => undefined);
  });
  const ended: EndedRun[] = [];
  const events = { ...silent, onEnded: (_: unknown, end: EndedRun) => ended.push(end) };
  const options = optionsOf(deps, [entry('a'), entry('b')], run, 'one');
  await runSchedule({ ...options, events, stopped: stop.signal });
  expect(ran).toHaveLength(1);
  expect(ended).toMatchObject([{ stopped: 'interrupted' }]);
});

test('a run whose runner died is lost after its time, and is not started again', async () => {
  const deps = await freshDeps(() => NOON);
  await ranBefore(deps, 'a');
  const [listed] = await listRuns(deps, NOON);
  if (listed === undefined) throw new Error('no run');
  // By the store's time of the start document.
  const begun = listed.startedAt?.getTime() ?? Number.NaN;
  const soon = new Date(begun + 30_000);
  const later = new Date(begun + DAY_MS);
  expect((await readRuns(deps, [listed], soon))[0]?.state).toBe('running');
  expect((await readRuns(deps, [listed], later))[0]?.state).toBe('lost');
});

test('runs of this and the last month are listed in order, and others are not read', async () => {
  const deps = await freshDeps(() => NOON);
  for (const day of ['20260930', '20261031', '20261101']) {
    const scheduledAt = dateOf(`${day}020000`).toISOString();
    await createEnd(deps, { entry: 'a', scheduledAt, endedAt: scheduledAt, elapsedMs: 1 });
  }
  const listed = await listRuns(deps, NOON);
  expect(listed.map(({ instant }) => instantOf(instant).slice(0, 8))).toEqual([
    '20261031',
    '20261101',
  ]);
  expect(await keysOf(deps.store, 'schedules/')).toHaveLength(3);
});
