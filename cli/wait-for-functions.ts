import { pause } from '../async/poll.ts';
import { formatKey } from '../backup-set/base/keys.ts';
import type { Verdict } from '../backup-set/base/verdict.ts';
import type { Deps } from '../functions/deps.ts';
import { inProcess } from '../functions/events/in-process.ts';
import { newestVerdict } from '../functions/stored/load.ts';
import type { ObjectStore } from '../storage/store.ts';
import { functionsOf } from './config/config.ts';
import type { ClusterContext, Context } from './context.ts';

const POLL_MS = 500;

/** What the functions need, from what a command has. */
export function functionDeps({ clock, log, signal }: Context, store: ObjectStore): Deps {
  return { store, clock, log, signal };
}

/** The functions' word on a set: validated when it was committed, stitched when it could not be; undefined while neither. */
export async function decidingVerdict(deps: Deps, timestamp: string): Promise<Verdict | undefined> {
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }));
  return newestVerdict(deps, timestamp, manifest === undefined ? 'stitch' : 'validate');
}

/**
 * Has the functions run for what was just written, and waits until a condition holds: by calling them here (`inline`), or by
 * watching the bucket while storage events or the sweeper do it (`events`).
 * @returns false when it did not hold within `waitMs`.
 */
export async function waitForFunctions(
  context: ClusterContext,
  deps: Deps,
  keys: readonly string[],
  isDone: () => Promise<boolean>,
  waitMs: number,
): Promise<boolean> {
  if (functionsOf(context.config) === 'inline') {
    const functions = inProcess(deps);
    for (const key of keys) await functions.announce(key);
    await functions.idle();
    return isDone();
  }
  const until = deps.clock().getTime() + waitMs;
  for (;;) {
    deps.signal?.throwIfAborted();
    if (await isDone()) return true;
    if (deps.clock().getTime() >= until) return false;
    await pause(POLL_MS, deps.signal);
  }
}

/** The same, for the last words of an interrupted run: its own signal has fired, and the functions must still speak. */
export function withoutInterruption(deps: Deps): Deps {
  return deps.signal?.aborted === true ? { ...deps, signal: new AbortController().signal } : deps;
}
