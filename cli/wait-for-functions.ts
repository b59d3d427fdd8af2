import { poll } from '../async/poll.ts';
import { isStowageError, messageOf } from '../backup-set/base/errors.ts';
import { formatKey } from '../backup-set/base/keys.ts';
import type { Verdict } from '../backup-set/base/verdict.ts';
import type { Deps } from '../functions/deps.ts';
import { newestSealedVerdict } from '../functions/stored/current-verdict.ts';
import { newestVerdict } from '../functions/stored/load.ts';
import type { ObjectStore } from '../storage/store.ts';
import { functionsOf } from './config/config.ts';
import type { ClusterContext, Context } from './context.ts';
import { haveFunctionsAnswered } from './functions-seen.ts';
import { duration } from './output/format.ts';
import { noteWaiting } from './output/waiting.ts';

const POLL_MS = 500;

/** What functions need, from the context of a command. */
export function functionDeps(context: Context | ClusterContext, store: ObjectStore): Deps {
  const { clock, log, signal } = context;
  const config = 'config' in context ? context.config : undefined;
  const lockDays = config?.retention?.lockDays;
  const common = { store, clock, log, signal, unusual: config?.unusual };
  return { ...common, writer: 'command', ...(lockDays && { lockDays }) };
}

/**
 * The verdict that says whether a set is complete: `validate` of a set with a manifest, else
 * `stitch`, made after the seal. Undefined while neither is stored.
 */
export async function decidingVerdict(deps: Deps, timestamp: string): Promise<Verdict | undefined> {
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }));
  if (manifest !== undefined) return newestVerdict(deps, timestamp, 'validate');
  return newestSealedVerdict(deps, timestamp);
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
 * waits for. Where `events` is only the default and no function has ever written to the root, it
 * runs them itself after a moment.
 * @returns false when `isDone` did not hold within `waitMs`.
 */
export async function waitForFunctions(
  context: ClusterContext,
  deps: Deps,
  step: FunctionStep,
): Promise<boolean> {
  const { what, isDone, waitMs } = step;
  if (functionsOf(context.config) === 'inline') {
    await runHere(deps, step);
    return isDone();
  }
  if (await isDone()) return true;
  const found = await lookForFunctions(context, deps);
  if (found.runsHere && (await runInstead(context, deps, step, found))) return isDone();
  using _ = noteWaiting(context, {
    what: () => `the functions to write ${what}`,
    needs: `With functions: events, \`stowage serve\` or the deployed functions must run for ${deps.store.url}; \`stowage sweep\` runs them once`,
    atMostMs: waitMs,
  });
  const startedAt = deps.clock().getTime();
  // Awaited at each return: the lines of the wait end with the block.
  const waitFor = async (timeoutMs: number) => {
    const look = async () => (await isDone()) || undefined;
    const now = () => deps.clock().getTime();
    const options = { everyMs: POLL_MS, timeoutMs, signal: deps.signal, now };
    return (await poll(look, options)) === true;
  };
  const isDefault = context.config.functions === undefined;
  if (found.haveAnswered || !isDefault || waitMs < FIRST_ANSWER_MS_MAX)
    return await waitFor(waitMs);
  if (await waitFor(FIRST_ANSWER_MS_MAX)) return true;
  if (await runInstead(context, deps, step, found)) return isDone();
  return await waitFor(waitMs - (deps.clock().getTime() - startedAt));
}

/** More than events and the start of a deployed function take. */
const FIRST_ANSWER_MS_MAX = 10_000;

interface Found {
  readonly haveAnswered: boolean;
  /** No function answered in an earlier step of this command, which then ran them. */
  runsHere: boolean;
}

/** What the first step of a command found, for its later steps. */
const known = new WeakMap<ClusterContext['config'], Promise<Found>>();

/** Whether functions have ever written to the root; the first time, says so when they have not. */
function lookForFunctions(context: ClusterContext, deps: Deps): Promise<Found> {
  const { config, output } = context;
  const look = async () => {
    const haveAnswered = await haveFunctionsAnswered(deps).catch((error: unknown) => {
      // Without the right to look, the command waits as if there were functions.
      if (isStowageError(error, 'storage/denied')) return true;
      throw error;
    });
    if (haveAnswered) return { haveAnswered, runsHere: false };
    const then =
      config.functions === undefined
        ? `if none does within ${duration(FIRST_ANSWER_MS_MAX)}, this command runs them itself`
        : 'functions is set to events, so this command waits for them; `stowage doctor --deployment` tests them';
    output.note(
      'functions-unseen',
      { root: deps.store.url },
      `no function has written to ${deps.store.url} yet: ${then}`,
    );
    return { haveAnswered, runsHere: false };
  };
  const found = known.get(config) ?? look();
  known.set(config, found);
  return found;
}

async function runHere(deps: Deps, { keys }: FunctionStep): Promise<void> {
  // On demand: it loads every function, and most commands run none.
  const { inProcess } = await import('../functions/events/in-process.ts');
  const functions = inProcess(deps);
  for (const key of keys) await functions.announce(key);
  await functions.idle();
}

/** @returns false when these credentials have no right to write what functions write. */
async function runInstead(
  { output }: ClusterContext,
  deps: Deps,
  step: FunctionStep,
  found: Found,
): Promise<boolean> {
  const fields = { root: deps.store.url };
  try {
    await runHere(deps, step);
  } catch (error) {
    if (!isStowageError(error, 'storage/denied')) throw error;
    found.runsHere = false;
    output.note(
      'functions-denied',
      fields,
      `this command may not run the functions itself, and waits for them: ${messageOf(error)}`,
    );
    return false;
  }
  if (!found.runsHere)
    output.note(
      'functions-inline',
      fields,
      `no function answered, so this command runs them itself. To avoid the wait, deploy functions, run \`stowage serve\`, or set functions: inline`,
    );
  found.runsHere = true;
  return true;
}

/**
 * After an interruption the signal has fired, but the functions must still write the last
 * documents.
 */
export function withoutInterruption(deps: Deps): Deps {
  return deps.signal?.aborted === true ? { ...deps, signal: new AbortController().signal } : deps;
}
