import { poll } from '../async/poll.ts';
import { formatKey } from '../backup-set/base/keys.ts';
import type { Verdict } from '../backup-set/base/verdict.ts';
import type { Deps } from '../functions/deps.ts';
import { inProcess } from '../functions/events/in-process.ts';
import { newestVerdict } from '../functions/stored/load.ts';
import type { ObjectStore } from '../storage/store.ts';
import { functionsOf } from './config/config.ts';
import type { ClusterContext, Context } from './context.ts';
import { noteWaiting } from './output/waiting.ts';

const POLL_MS = 500;

/** What functions need, from the context of a command. */
export function functionDeps({ clock, log, signal }: Context, store: ObjectStore): Deps {
  return { store, clock, log, signal };
}

/**
 * The verdict that says whether a set is complete: `validate` of a set with a manifest, else
 * `stitch`. Undefined while neither is stored.
 */
export async function decidingVerdict(deps: Deps, timestamp: string): Promise<Verdict | undefined> {
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }));
  return newestVerdict(deps, timestamp, manifest === undefined ? 'stitch' : 'validate');
}

/** One step of the functions that a command waits for. */
export interface FunctionStep {
  /** The objects just stored, which make the functions run. */
  readonly keys: readonly string[];
  /** What the functions write, for the lines that a long wait prints. */
  readonly what: string;
  readonly isDone: () => Promise<boolean>;
  readonly waitMs: number;
}

/**
 * Waits until the functions have handled the objects just stored. With functions `inline` it runs
 * them in this process; with `events` it polls the bucket until `isDone` holds, and says what it
 * waits for.
 * @returns false when `isDone` did not hold within `waitMs`.
 */
export async function waitForFunctions(
  context: ClusterContext,
  deps: Deps,
  { keys, what, isDone, waitMs }: FunctionStep,
): Promise<boolean> {
  if (functionsOf(context.config) === 'inline') {
    const functions = inProcess(deps);
    for (const key of keys) await functions.announce(key);
    await functions.idle();
    return isDone();
  }
  using _ = noteWaiting(context, {
    what: () => `the functions to write ${what}`,
    needs: `With functions: events, \`stowage serve\` or the deployed functions must run for ${deps.store.url}; \`stowage sweep\` runs them once`,
    atMostMs: waitMs,
  });
  const look = async () => (await isDone()) || undefined;
  const now = () => deps.clock().getTime();
  const options = { everyMs: POLL_MS, timeoutMs: waitMs, signal: deps.signal, now };
  return (await poll(look, options)) === true;
}

/**
 * After an interruption the signal has fired, but the functions must still write the last
 * documents.
 */
export function withoutInterruption(deps: Deps): Deps {
  return deps.signal?.aborted === true ? { ...deps, signal: new AbortController().signal } : deps;
}
