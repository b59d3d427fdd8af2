import { pause } from '../../async/poll.ts';
import { type TroubleWatch, watchTrouble } from '../../async/watch/trouble.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import type { Deps } from '../deps.ts';
import type { SweepOptions, SweepReport } from './report.ts';
import { sweep } from './sweep.ts';

type Closed = NonNullable<SweepOptions['closed']>;

/** Sets and restores remembered as closed: bounds the memory of a process that runs for years. */
const CLOSED_MAX = 100_000;
/** With more changed sets between two sweeps, the next sweep processes every set again. */
export const CHANGED_MAX = 10_000;
/**
 * After this time all sets are swept again: a check may have found damage in a closed set, and the
 * event of its verdict may have been lost.
 */
const CLOSED_MS_MAX = 24 * 3600_000;

/** How a sweep ended. The failure is the error that kept the root from being swept at all. */
export interface SweepAttempt {
  /** When it began, by `performance.now()`. */
  readonly begunMs: number;
  readonly seconds: number;
  readonly result: Result<SweepReport, unknown>;
}

export interface SweeperOptions {
  /** Pause between the end of one sweep and the start of the next. */
  readonly intervalMs: number;
  readonly onSwept: (swept: SweepAttempt) => void;
  /** Called with abandoned slices, so that a large task does not delay the sweep. */
  readonly onSlice?: SweepOptions['onSlice'];
}

export interface Sweeper {
  /** Call for every new object: after a verdict, the next sweep processes its set again. */
  noteVerdict(key: string): void;
  /** Starts no further sweep; resolves when the running one has ended. */
  stop(): Promise<void>;
}

/** Sweeps now, and again after each pause. Sweeps never overlap. */
export function startSweeper(deps: Deps, options: SweeperOptions): Sweeper {
  const stopping = new AbortController();
  const closed: Closed = new Map();
  // Sets with a verdict since the last sweep began: that sweep may have read them before it.
  const changed = new Set<string>();
  const reopenChanged = () => {
    if (changed.size >= CHANGED_MAX) closed.clear();
    for (const timestamp of changed) closed.delete(timestamp);
    changed.clear();
  };
  const ended = sweepUntil(deps, options, { closed, reopenChanged }, stopping.signal);
  return {
    noteVerdict(text) {
      const key = parseKey(text);
      if (key?.kind === 'verdict' && changed.size < CHANGED_MAX) changed.add(key.timestamp);
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function sweepUntil(
  deps: Deps,
  options: SweeperOptions,
  { closed, reopenChanged }: { readonly closed: Closed; readonly reopenChanged: () => void },
  stopped: AbortSignal,
): Promise<void> {
  const now = () => deps.clock().getTime();
  let since = now();
  const watch = watchTrouble(deps.clock);
  // `stop` does not interrupt a running sweep; `deps.signal` does.
  while (!stopped.aborted && !deps.signal?.aborted) {
    reopenChanged();
    options.onSwept(await sweepOnce(deps, closed, options, watch));
    if (closed.size > CLOSED_MAX || now() - since > CLOSED_MS_MAX) {
      closed.clear();
      since = now();
    }
    await pause(options.intervalMs, stopped);
  }
}

async function sweepOnce(
  deps: Deps,
  closed: Closed,
  { onSlice }: SweeperOptions,
  watch: TroubleWatch,
): Promise<SweepAttempt> {
  const started = deps.clock().getTime();
  const begunMs = performance.now();
  const seconds = () => (deps.clock().getTime() - started) / 1000;
  try {
    const report = await sweep(deps, { closed, onSlice });
    const ended = watch.succeeded();
    if (ended !== undefined) deps.log.info({ ...ended }, 'sweeps again');
    return { result: success(report), begunMs, seconds: seconds() };
  } catch (error) {
    if (watch.failed(error))
      deps.log.error(
        { err: error },
        `sweep failed: ${messageOf(error)}; further failures of this kind are not logged`,
      );
    return { result: failure(error), begunMs, seconds: seconds() };
  }
}
