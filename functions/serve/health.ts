import { type Trouble, watchTrouble } from '../../async/watch/trouble.ts';
import { isStowageError, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { SETS } from '../../backup-set/base/keys.ts';
import { storageRetries } from '../../storage/retries.ts';
import type { Deps } from '../deps.ts';
import type { SweepAttempt } from '../sweep/sweeper.ts';

export interface HealthState {
  readonly ok: boolean;
  /** Why it is not ok. */
  readonly problems: readonly string[];
  /** When the last sweep ended; absent before the first has. */
  readonly sweptAt?: string | undefined;
  /** Present while the store refuses the server or does not answer. */
  readonly storage?: { readonly code: string; readonly failingSince: string } | undefined;
}

/** Whether the functions can do their work: the answer to `GET /healthz`. */
export interface Health {
  recordSweep(attempt: SweepAttempt): void;
  drain(): void;
  state(): Promise<HealthState>;
  /** The trouble with the store that the last sweep or probe met. */
  storeTrouble(): Trouble | undefined;
}

/** `/healthz` needs no secret: any number of requests within this time cause one probe. */
const PROBE_VALID_MS = 10_000;
const PROBE_MS_MAX = 5_000;

/** @param probeMsMax tests wait less. */
export function serveHealth(deps: Deps, probeMsMax = PROBE_MS_MAX): Health {
  let draining = false;
  let last: { readonly at: Date; readonly problem: string | undefined } | undefined;
  let probed: { readonly at: number; readonly problem: Promise<string | undefined> } | undefined;

  const watch = watchTrouble(deps.clock);
  const record = (begunMs: number, error?: unknown) => {
    if (error === undefined) watch.succeeded(begunMs);
    else if (!isStowageError(error, 'interrupted')) watch.failed(error);
  };

  function storeProblem(): Promise<string | undefined> {
    const now = deps.clock().getTime();
    if (probed === undefined || now - probed.at >= PROBE_VALID_MS)
      probed = { at: now, problem: probe(deps, probeMsMax, record) };
    return probed.problem;
  }

  return {
    recordSweep({ result, begunMs }) {
      record(begunMs, result.ok ? undefined : result.failure);
      const problem = result.ok ? undefined : `the last sweep failed: ${messageOf(result.failure)}`;
      last = { at: deps.clock(), problem };
    },
    drain() {
      draining = true;
    },
    async state() {
      const found = [draining ? 'draining' : undefined, last?.problem, await storeProblem()];
      const problems = found.filter((problem) => problem !== undefined);
      const trouble = watch.now();
      return {
        ok: problems.length === 0,
        problems,
        sweptAt: last?.at.toISOString(),
        ...(trouble && {
          storage: { code: trouble.code, failingSince: trouble.since.toISOString() },
        }),
      };
    },
    storeTrouble: () => watch.now(),
  };
}

/**
 * Lists once: a right that every function needs anyway. A probe that waits because the store asks
 * for fewer requests says nothing: the store works, and the other requests know more.
 */
async function probe(
  { store, signal: stopped }: Deps,
  msMax: number,
  record: (begunMs: number, error?: unknown) => void,
): Promise<string | undefined> {
  const begunMs = performance.now();
  const { throttledMs } = storageRetries();
  const timeout = AbortSignal.timeout(msMax);
  const signals = stopped === undefined ? [timeout] : [stopped, timeout];
  const options = { signal: AbortSignal.any(signals) };
  try {
    for await (const _ of store.listPrefixes(SETS, options)) break;
    record(begunMs);
    return undefined;
  } catch (error) {
    if (!timeout.aborted) {
      record(begunMs, error);
      return `the store cannot be listed: ${messageOf(error)}`;
    }
    if (storageRetries().throttledMs > throttledMs) return undefined;
    const message = `the store did not answer within ${msMax} ms`;
    record(begunMs, new StowageError('storage/unavailable', message));
    return message;
  }
}
