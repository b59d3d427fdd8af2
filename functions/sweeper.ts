import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../backup-set/errors.ts';
import type { Deps } from './deps.ts';
import { sweep } from './sweep.ts';
import type { SetStatus, SweepReport } from './sweep-report.ts';

/** Sets and restores remembered as closed; a process that runs for years starts to look at the oldest again. */
const CLOSED_MAX = 100_000;

/** A sweep that has ended: with its report, or, when the root could not be swept at all, with the reason. */
export type Swept = { readonly seconds: number } & (
  | { readonly report: SweepReport }
  | { readonly error: unknown }
);

export interface SweeperOptions {
  /** Pause between the end of one sweep and the start of the next. */
  readonly intervalMs: number;
  readonly onSwept: (swept: Swept) => void;
}

export interface Sweeper {
  /** Resolves when the sweep that is running has ended; no other is started. */
  stop(): Promise<void>;
}

/** Sweeps at once, then again and again: never two at a time. */
export function startSweeper(deps: Deps, options: SweeperOptions): Sweeper {
  const stopping = new AbortController();
  const ended = sweepUntil(deps, options, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function sweepUntil(deps: Deps, options: SweeperOptions, stopped: AbortSignal): Promise<void> {
  const closed = new Map<string, SetStatus | 'over'>();
  // A sweep that is running when we are told to stop goes on until the caller's own signal ends it.
  while (!stopped.aborted && !deps.signal?.aborted) {
    options.onSwept(await sweepOnce(deps, closed));
    if (closed.size > CLOSED_MAX) closed.clear();
    await sleep(options.intervalMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}

async function sweepOnce(deps: Deps, closed: Map<string, SetStatus | 'over'>): Promise<Swept> {
  const started = deps.clock().getTime();
  const seconds = () => (deps.clock().getTime() - started) / 1000;
  try {
    const report = await sweep(deps, { closed });
    return { report, seconds: seconds() };
  } catch (error) {
    deps.log.error({ err: error }, `sweep failed: ${messageOf(error)}`);
    return { error, seconds: seconds() };
  }
}
