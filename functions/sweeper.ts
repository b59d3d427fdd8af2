import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../backup-set/errors.ts';
import type { Deps } from './deps.ts';
import { sweep } from './sweep.ts';
import type { SetStatus } from './sweep-report.ts';

/** Sets and restores remembered as closed; a process that runs for years starts to look at the oldest again. */
const CLOSED_MAX = 100_000;

export interface Sweeper {
  /** Resolves when the sweep that is running has ended; no other is started. */
  stop(): Promise<void>;
}

/** Sweeps at once, then again `intervalMs` after each sweep has ended: never two at a time. */
export function startSweeper(deps: Deps, intervalMs: number): Sweeper {
  const stopping = new AbortController();
  const ended = sweepUntil(deps, intervalMs, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function sweepUntil(deps: Deps, intervalMs: number, stopped: AbortSignal): Promise<void> {
  const closed = new Map<string, SetStatus | 'over'>();
  // A sweep that is running when we are told to stop goes on until the caller's own signal ends it.
  while (!stopped.aborted && !deps.signal?.aborted) {
    try {
      await sweep(deps, { closed });
    } catch (error) {
      deps.log.error({ err: error }, `sweep failed: ${messageOf(error)}`);
    }
    if (closed.size > CLOSED_MAX) closed.clear();
    await sleep(intervalMs, undefined, { signal: stopped }).catch(() => undefined);
  }
}
