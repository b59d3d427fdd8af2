import { messageOf } from '../../backup-set/base/errors.ts';
import { SETS } from '../../backup-set/base/keys.ts';
import type { Deps } from '../deps.ts';
import type { SweepAttempt } from '../sweep/sweeper.ts';

export interface HealthState {
  readonly ok: boolean;
  /** Why it is not ok. */
  readonly problems: readonly string[];
  /** When the last sweep ended; absent before the first has. */
  readonly sweptAt?: string | undefined;
}

/** Whether the functions can do their work: the answer to `GET /healthz`. */
export interface Health {
  recordSweep(attempt: SweepAttempt): void;
  drain(): void;
  state(): Promise<HealthState>;
}

/** `/healthz` needs no secret: any number of requests within this time cause one probe. */
const PROBE_VALID_MS = 10_000;
const PROBE_MS_MAX = 5_000;

export function serveHealth(deps: Deps): Health {
  let draining = false;
  let last: { readonly at: Date; readonly problem: string | undefined } | undefined;
  let probed: { readonly at: number; readonly problem: Promise<string | undefined> } | undefined;

  function storeProblem(): Promise<string | undefined> {
    const now = deps.clock().getTime();
    if (probed === undefined || now - probed.at >= PROBE_VALID_MS)
      probed = { at: now, problem: probe(deps) };
    return probed.problem;
  }

  return {
    recordSweep({ result }) {
      const problem = result.ok ? undefined : `the last sweep failed: ${messageOf(result.failure)}`;
      last = { at: deps.clock(), problem };
    },
    drain() {
      draining = true;
    },
    async state() {
      const found = [draining ? 'draining' : undefined, last?.problem, await storeProblem()];
      const problems = found.filter((problem) => problem !== undefined);
      return { ok: problems.length === 0, problems, sweptAt: last?.at.toISOString() };
    },
  };
}

/** Lists once: a right that every function needs anyway. */
async function probe(deps: Deps): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(PROBE_MS_MAX);
  const signals = deps.signal === undefined ? [timeout] : [deps.signal, timeout];
  const options = { signal: AbortSignal.any(signals) };
  try {
    for await (const _ of deps.store.listPrefixes(SETS, options)) break;
    return undefined;
  } catch (error) {
    return timeout.aborted
      ? `the store did not answer within ${PROBE_MS_MAX} ms`
      : `the store cannot be listed: ${messageOf(error)}`;
  }
}
