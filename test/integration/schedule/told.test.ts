import { expect, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Entry } from '../../../cli/schedule/entries.ts';
import { watchedSchedule } from '../../../cli/schedule/overdue.ts';
import { ScheduleSection } from '../../../cli/schedule/schema.ts';
import type { Deps } from '../../../functions/deps.ts';
import { readLog } from '../../../functions/looking-back/log/log.ts';
import { observer } from '../../../functions/observe/observer.ts';
import { SLOT_MS, slotOf, takeSlot } from '../../../functions/schedule/lease.ts';
import { createEnd, createStart, listRuns, readRuns } from '../../../functions/schedule/runs.ts';
import { freshDeps } from '../functions/place.ts';

const HOUR_MS = 3_600_000;

/** A schedule with these entries, at 02:00 UTC. */
const watched = (...names: Entry['name'][]) =>
  watchedSchedule(
    {
      schedule: ScheduleSection.parse({
        entries: Object.fromEntries(names.map((name) => [name, { at: '0 2 * * *', backup: {} }])),
      }),
    },
    's3://a',
  );

/** The same place at another time of its store. */
const at = (deps: Deps, now: Date): Deps => ({
  ...deps,
  store: { ...deps.store, now: async () => now },
});

/** The newest 02:00 UTC, of this day or the last. */
function lastTwo(): Date {
  const day = new Date();
  day.setUTCHours(2, 0, 0, 0);
  return day.getTime() > Date.now() ? new Date(day.getTime() - 24 * HOUR_MS) : day;
}

async function start(deps: Deps, entry: string, instant: Date): Promise<void> {
  await createStart(deps, {
    format: 'stowage/schedule-start',
    version: 1,
    entry,
    scheduledAt: instant.toISOString(),
    startedAt: instant.toISOString(),
    by: 'stowage on db1 17',
    holder: 'db1 17 abcd',
    args: ['backup'],
    timeoutSeconds: 86_400,
  });
}

const end = (deps: Deps, entry: string, instant: Date, exitCode: number) =>
  createEnd(deps, {
    entry,
    scheduledAt: instant.toISOString(),
    endedAt: instant.toISOString(),
    elapsedMs: 90_000,
    exitCode,
    ...(exitCode !== 0 && { code: 'database/unreachable', message: 'no answer from db1' }),
  });

test('a scheduled run that failed is an event with its exit code and error, and one that is done is none', async () => {
  const deps = await freshDeps();
  const instant = lastTwo();
  for (const [entry, exitCode] of [
    ['good', 0],
    ['nightly', 6],
  ] as const) {
    await start(deps, entry, instant);
    await end(deps, entry, instant, exitCode);
  }
  const eye = observer(deps, { schedule: watched('good', 'nightly') });
  const { events, schedule } = await eye.look();
  expect(events).toMatchObject([
    {
      name: 'run-failed',
      title: expect.stringMatching(
        /^scheduled nightly \(due .*Z\) failed after 90 s: exit code 6$/,
      ),
      problems: ['no answer from db1 (database/unreachable)'],
    },
  ]);
  expect(schedule).toEqual([
    { entry: 'good', isFailing: false },
    { entry: 'nightly', isFailing: true },
  ]);
  expect((await eye.look()).events.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
});

test('a run whose runner holds no lease any more is lost long before its timeout, and is told of once', async () => {
  const deps = await freshDeps();
  const instant = lastTwo();
  await start(deps, 'nightly', instant);
  const later = new Date(Date.now() + 3 * SLOT_MS);
  const slot = slotOf(later.getTime(), SLOT_MS);
  const terms = { name: 'schedule', holder: 'db1 17 abcd', slotMs: SLOT_MS } as const;
  const look = async (now: Date) =>
    (await readRuns(deps, await listRuns(deps, now), now))[0]?.state;
  expect(await look(later)).toBe('lost');
  await takeSlot(deps, terms, slot - SLOT_MS);
  expect(await look(later)).toBe('running');
  expect(await look(new Date(later.getTime() + 2 * SLOT_MS))).toBe('lost');

  const dead = at(deps, new Date(later.getTime() + 2 * SLOT_MS));
  const eye = observer(dead, { schedule: watched('nightly') });
  const first = await eye.look();
  expect(first.events).toMatchObject([{ name: 'run-lost', status: 'lost' }]);
  expect(first.schedule).toEqual([{ entry: 'nightly', isFailing: true }]);
  expect((await eye.look()).events).toEqual(first.events);
});

test('a run that no runner started is told of when it is half an hour late', async () => {
  const deps = await freshDeps();
  const instant = lastTwo();
  const before = new Date(instant.getTime() - 24 * HOUR_MS);
  await start(deps, 'nightly', before);
  await end(deps, 'nightly', before, 0);
  const lookAt = (minutes: number) =>
    observer(at(deps, new Date(instant.getTime() + minutes * 60_000)), {
      schedule: watched('nightly'),
    }).look();
  expect((await lookAt(29)).schedule).toEqual([{ entry: 'nightly', isFailing: false }]);
  const { events, schedule } = await lookAt(31);
  expect(events).toMatchObject([{ name: 'run-missed', status: 'missed' }]);
  expect(schedule).toEqual([{ entry: 'nightly', isFailing: true }]);
});

test('an entry that never ran is missed when a server saw its time pass', async () => {
  const deps = await freshDeps();
  const instant = lastTwo();
  let now = new Date(instant.getTime() - HOUR_MS);
  const store = { ...deps.store, now: async () => now };
  const eye = observer({ ...deps, store }, { schedule: watched('new') });
  expect((await eye.look()).events).toEqual([]);
  now = new Date(instant.getTime() + HOUR_MS);
  expect((await eye.look()).events).toMatchObject([{ name: 'run-missed' }]);
});

test('a server that may not list the runs tells of everything else', async () => {
  const deps = await freshDeps();
  const store: Deps['store'] = {
    ...deps.store,
    list(prefix, ...rest) {
      if (prefix.startsWith('schedules/')) throw new StowageError('storage/denied', 'no');
      return deps.store.list(prefix, ...rest);
    },
  };
  const eye = observer({ ...deps, store }, { schedule: watched('nightly') });
  expect(await eye.look()).toMatchObject({ events: [], schedule: [] });
});

test('the log shows when a scheduled run began and how it ended', async () => {
  const deps = await freshDeps();
  const instant = lastTwo();
  await start(deps, 'nightly', instant);
  await end(deps, 'nightly', instant, 6);
  const { entries } = await readLog(deps, {});
  expect(entries.map(({ what }) => what).toSorted()).toEqual(['run-began', 'run-ended']);
  expect(entries.find(({ what }) => what === 'run-ended')).toMatchObject({
    entry: 'nightly',
    status: 'failed',
    ms: 90_000,
    why: 'exit code 6, no answer from db1 (database/unreachable)',
  });
  const since = new Date(Date.now() + HOUR_MS).toISOString();
  expect((await readLog(deps, { since })).entries).toEqual([]);
});
