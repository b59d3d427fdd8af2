import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { pause } from '../../async/poll.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { RunEnd } from '../../backup-set/documents/schedule/schedule.ts';
import type { Deps } from '../../functions/deps.ts';
import { whileHeard } from '../../functions/heard/beat.ts';
import { writer } from '../../functions/retention/marks.ts';
import { acquireLease } from '../../functions/schedule/hold-lease.ts';
import { SLOT_MS } from '../../functions/schedule/lease.ts';
import {
  createEnd,
  createStart,
  isStarted,
  listRuns,
  listSchedule,
  newestRuns,
} from '../../functions/schedule/runs.ts';
import { isWithheld } from '../../functions/stored/unreadable.ts';
import type { RunChild } from './child.ts';
import { type DueRun, dueRuns } from './due.ts';
import type { Entry } from './entries.ts';
import { BY_ORDER, jitterOf, latestAt, nextAfter } from './times.ts';

/** What a runner says while it works. */
export interface RunnerEvents {
  onStarted(run: DueRun): void;
  onEnded(run: DueRun, end: EndedRun): void;
  /** Another runner holds the lease. */
  onWaiting(holder: string): void;
  onTrouble(message: string): void;
}

export type EndedRun = Omit<RunEnd, 'format' | 'version'>;

export interface RunnerOptions {
  readonly deps: Deps;
  readonly entries: readonly Entry[];
  readonly runChild: RunChild;
  readonly events: RunnerEvents;
  /** Ends the runner, and its child. */
  readonly stopped: AbortSignal;
  readonly slotMs?: number;
  readonly holder?: string;
}

/** A look at the store is at least as frequent, so that a changed clock of the store is noticed. */
const PAUSE_MS_MAX = 300_000;
/** Of a schedule with an entry that only orders start: two LISTs a look. */
const ORDERS_PAUSE_MS = 60_000;
const PAUSE_MS_MIN = 20;
const TROUBLE_PAUSE_MS = 30_000;
/** Entries of this time before `--once` count as due without an earlier run. */
const ONCE_MS = 3_600_000;
const END_MS_MAX = 60_000;

/** Runs the entries when they are due, until `stopped` fires. */
export function runSchedule(options: RunnerOptions): Promise<void> {
  return whileHeard(options.deps, () => run(options));
}

async function run(options: RunnerOptions): Promise<void> {
  const { deps, events, stopped } = options;
  const watch = watchTrouble(deps.clock);
  let state: State | undefined;
  while (!stopped.aborted) {
    try {
      state ??= await newState(options, 0);
      const pauseMs = await look(options, state);
      watch.succeeded();
      await pause(pauseMs, stopped);
    } catch (error) {
      if (stopped.aborted) return;
      if (watch.failed(error)) events.onTrouble(messageOf(error));
      await pause(TROUBLE_PAUSE_MS, stopped);
    }
  }
}

/**
 * Runs what is due now, one run after the other, and ends.
 * @returns how many runs it started.
 */
export function runDueOnce(options: RunnerOptions): Promise<number> {
  return whileHeard(options.deps, () => runDue(options));
}

async function runDue(options: RunnerOptions): Promise<number> {
  const state = await newState(options, ONCE_MS);
  let ran = 0;
  for (;;) {
    options.stopped.throwIfAborted();
    const [run] = dueRuns(options.entries, await inputOf(options, state));
    if (run === undefined) return ran;
    const found = await attempt(options, state, run);
    // Another runner holds the lease, and will run it.
    if (typeof found === 'object') return ran;
    if (found === 'ran') ran += 1;
  }
}

interface State {
  readonly since: Date;
  readonly holder: string;
  readonly last: Map<string, Date>;
  /** The holder that was named last. */
  waitsFor?: string | undefined;
}

async function newState({ deps, holder }: RunnerOptions, beforeMs: number): Promise<State> {
  const now = await deps.store.now({ signal: deps.signal });
  const runs = newestRuns(await listRuns(deps, now));
  const own = `${hostname()} ${process.pid} ${randomBytes(4).toString('hex')}`;
  return {
    since: new Date(now.getTime() - beforeMs),
    holder: holder ?? own,
    last: new Map([...runs].map(([entry, { instant }]) => [entry, instant])),
  };
}

async function inputOf({ deps }: RunnerOptions, { since, last }: State) {
  const now = await deps.store.now({ signal: deps.signal });
  const { orders } = await listSchedule(deps, now);
  return {
    root: deps.store.url,
    now,
    since,
    lastRun: (entry: string) => last.get(entry),
    ordered: (entry: string) => orders.get(entry),
  };
}

/** Starts the oldest due run, if there is one. @returns the pause until the next look. */
async function look(options: RunnerOptions, state: State): Promise<number> {
  const input = await inputOf(options, state);
  const [run] = dueRuns(options.entries, input);
  if (run === undefined) return untilNext(options, input.now);
  const found = await attempt(options, state, run);
  return typeof found === 'string' ? PAUSE_MS_MIN : found.pauseMs;
}

function untilNext({ deps, entries }: RunnerOptions, now: Date): number {
  const moments = entries.flatMap((entry) =>
    [latestAt(entry, now), nextAfter(entry, now)].flatMap((instant) => {
      if (instant === undefined) return [];
      const delay = jitterOf(deps.store.url, entry.name, instant, entry.jitterMs);
      return [instant.getTime() + delay - now.getTime()];
    }),
  );
  const longest = entries.some(({ cron }) => cron === BY_ORDER) ? ORDERS_PAUSE_MS : PAUSE_MS_MAX;
  const next = Math.min(longest, ...moments.filter((ms) => ms > 0));
  return Math.max(PAUSE_MS_MIN, next);
}

type Attempt = 'ran' | 'started-before' | { readonly pauseMs: number };

async function attempt(options: RunnerOptions, state: State, run: DueRun): Promise<Attempt> {
  const { deps, events, slotMs = SLOT_MS } = options;
  const { entry, instant } = run;
  // A start that the store withholds: its creation decides, and one exists once.
  const isKnown = await isStarted(deps, entry.name, instant).catch((error: unknown) => {
    if (!isWithheld(error)) throw error;
    return false;
  });
  if (isKnown) {
    state.last.set(entry.name, instant);
    return 'started-before';
  }
  const terms = { name: 'schedule', holder: state.holder, slotMs } as const;
  const acquired = await acquireLease(deps, terms);
  if (!acquired.ok) {
    const { holder } = acquired.other;
    if (state.waitsFor !== holder && holder !== state.holder) events.onWaiting(holder);
    state.waitsFor = holder;
    return { pauseMs: acquired.leftMs + PAUSE_MS_MIN };
  }
  state.waitsFor = undefined;
  try {
    return await carryOut(options, state, run, acquired.held.lost);
  } finally {
    await acquired.held.release();
  }
}

async function carryOut(
  options: RunnerOptions,
  { holder, last }: State,
  run: DueRun,
  lost: AbortSignal,
): Promise<Attempt> {
  const { deps, runChild, events, stopped } = options;
  const { entry, instant, isLate } = run;
  const startedAt = deps.clock();
  const isFirst = await createStart(deps, {
    format: 'stowage/schedule-start',
    version: FORMAT_VERSION,
    entry: entry.name,
    scheduledAt: instant.toISOString(),
    startedAt: startedAt.toISOString(),
    by: `${writer()} ${process.pid}`,
    holder,
    args: [...entry.args],
    timeoutSeconds: Math.ceil(entry.timeoutMs / 1000),
    ...(isLate && { late: true }),
  });
  last.set(entry.name, instant);
  if (!isFirst) return 'started-before';
  events.onStarted(run);
  // Aborted by hand: a timer of AbortSignal.timeout would keep its long time in the process.
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), Math.min(entry.timeoutMs, 2 ** 31 - 1));
  const ended = await runChild(entry.args, AbortSignal.any([timeout.signal, lost, stopped]));
  clearTimeout(timer);
  const reason = timeout.signal.aborted
    ? 'timeout'
    : lost.aborted
      ? 'lease-lost'
      : stopped.aborted
        ? 'interrupted'
        : undefined;
  const endedAt = deps.clock();
  const end: EndedRun = {
    entry: entry.name,
    scheduledAt: instant.toISOString(),
    endedAt: endedAt.toISOString(),
    elapsedMs: Math.max(0, endedAt.getTime() - startedAt.getTime()),
    ...ended,
    // A command that had ended before it was told to stop is not `stopped`.
    ...(reason !== undefined && ended.exitCode !== 0 && { stopped: reason }),
  };
  events.onEnded(run, end);
  // Also after an interruption: the record says how the run ended.
  await createEnd({ ...deps, signal: AbortSignal.timeout(END_MS_MAX) }, end);
  return 'ran';
}
