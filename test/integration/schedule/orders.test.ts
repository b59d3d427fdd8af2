import type { Context } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Entry } from '../../../cli/schedule/entries.ts';
import { runDueOnce } from '../../../cli/schedule/runner.ts';
import type { Deps } from '../../../functions/deps.ts';
import { heardOf } from '../../../functions/heard/heard.ts';
import { listSchedule, ordersNotTaken, readRuns } from '../../../functions/schedule/runs.ts';
import { heartbeats } from '../../../segment-shipper/agent/heard/heartbeat.ts';
import { freshDeps, keysOf, later } from '../functions/place.ts';

const context = { getRemainingTimeInMillis: () => 60_000, awsRequestId: 'r' } as Context;
const MINUTE_MS = 60_000;

/** An entry that only orders start. */
const NIGHTLY: Entry = {
  name: 'nightly',
  job: 'backup',
  args: ['backup', '--tag', 'nightly'],
  cron: 'order',
  timeZone: 'UTC',
  jitterMs: 0,
  catchUpMs: 12 * 60 * MINUTE_MS,
  timeoutMs: MINUTE_MS,
};

/** A runner that notes what it would start. */
async function runOnce(deps: Deps): Promise<string[]> {
  const ran: string[] = [];
  const nothing = () => undefined;
  await runDueOnce({
    deps,
    entries: [NIGHTLY],
    runChild: async (args) => {
      ran.push(args.join(' '));
      return { exitCode: 0 };
    },
    events: { onStarted: nothing, onEnded: nothing, onWaiting: nothing, onTrouble: nothing },
    stopped: new AbortController().signal,
  });
  return ran;
}

describe('an order of EventBridge Scheduler', () => {
  let deps: Deps;
  beforeEach(async () => {
    deps = await freshDeps();
    vi.stubEnv('STOWAGE_ROOT', deps.store.url);
    vi.stubEnv('STOWAGE_LOG_LEVEL', 'silent');
    // The root is opened once per process, and every test has its own.
    vi.resetModules();
  });
  afterEach(() => vi.unstubAllEnvs());

  /** The function, called as the schedule of the stack calls it. */
  const order = async (scheduledAt: Date, entry = 'nightly') => {
    const { handler } = await import('../../../functions/lambda/order-run.ts');
    return handler({ entry, scheduledAt: scheduledAt.toISOString().replace('.000', '') }, context);
  };
  const thisMinute = () => new Date(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS);

  it('is run once by a runner of that entry, for the instant of the schedule', async () => {
    const instant = thisMinute();
    expect(await order(instant)).toMatchObject({ entry: 'nightly', isNew: true });
    expect(await order(instant)).toMatchObject({ isNew: false });
    expect(await runOnce(deps)).toEqual(['backup --tag nightly']);
    expect(await runOnce(deps)).toEqual([]);
    const now = new Date();
    const { runs, orders } = await listSchedule(deps, now);
    expect(orders.size).toBe(0);
    expect(await readRuns(deps, runs, now)).toMatchObject([{ instant, state: 'done' }]);
  });

  it('is counted when no runner has taken it for half an hour', async () => {
    await order(thisMinute());
    expect(await ordersNotTaken(deps)).toBe(0);
    expect(await ordersNotTaken(later(deps, 40 * MINUTE_MS))).toBe(1);
    expect(await ordersNotTaken(later(deps, 30 * 60 * MINUTE_MS))).toBe(0);
  });

  it('that names no possible entry is refused, and nothing is written', async () => {
    await expect(order(thisMinute(), '../../x')).rejects.toThrow(/the input of the schedule/);
    expect(await keysOf(deps.store)).toEqual([]);
  });
});

it('agents and runners are heard, and are overdue when they write nothing for 35 minutes', async () => {
  const deps = await freshDeps();
  const beat = heartbeats({
    ...deps,
    config: { contents: [{ content: 3, host: 'db3', port: 5432 }] },
    env: {},
    identity: { name: 'db3', instance: 'i' },
    signal: new AbortController().signal,
  } as unknown as Parameters<typeof heartbeats>[0]);
  await beat();
  await beat();
  await runOnce(deps);
  expect(await keysOf(deps.store, 'heartbeats/')).toHaveLength(2);
  const heardAfter = async (minutes: number) =>
    (await heardOf(deps, new Date(Date.now() + minutes * MINUTE_MS), ['agent', 'runner'])).map(
      ({ role, contents, isOverdue }) => ({ role, contents, isOverdue }),
    );
  const contents = [{ content: 3, host: 'db3', port: 5432 }];
  expect(await heardAfter(0)).toEqual(
    expect.arrayContaining([
      { role: 'agent', contents, isOverdue: false },
      { role: 'runner', contents: undefined, isOverdue: false },
    ]),
  );
  expect((await heardAfter(40)).every(({ isOverdue }) => isOverdue)).toBe(true);
  expect(await heardAfter(3 * 24 * 60)).toHaveLength(2);
});
