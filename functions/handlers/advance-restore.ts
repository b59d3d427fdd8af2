import { eachInFlight } from '../../async/each-in-flight.ts';
import { encode } from '../../backup-set/base/document.ts';
import { formatKey, type Phase } from '../../backup-set/base/keys.ts';
import type { Result } from '../../backup-set/base/result.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { readPinned } from '../../backup-set/documents/pinned.ts';
import { Outcome } from '../../backup-set/documents/restore/restore.ts';
import { refusedOutcome } from '../../backup-set/restore/fold.ts';
import { draftOrders } from '../../backup-set/restore/orders.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { type LoadedRestore, loadRestore, orderKey, orderKeys } from '../stored/load-restore.ts';
import { ORDERS_IN_FLIGHT, orderMaker } from '../stored/make-orders.ts';
import { createOrRead, createSame } from '../stored/save.ts';

/**
 * Called after a segment wrote its receipt. Writes the orders of the next phase when every segment
 * has its receipt, and the outcome after the last phase. Any number of calls, concurrent or
 * repeated, write the same.
 */
export async function advanceRestore(deps: Deps, restore: string): Promise<JobResult> {
  const loaded = await loadRestore(deps, restore);
  if (loaded === undefined) return NOTHING_WRITTEN;
  const { step } = loaded;
  if (step.kind === 'ended') return writeOutcome(deps, restore, step.outcome);
  // counts.json starts this function again.
  if (step.kind === 'counting') return NOTHING_WRITTEN;
  return writeOrders(deps, loaded, step.phase);
}

/** Writes the outcome of a restore. The first of several callers decides it. */
export async function writeOutcome(
  deps: Deps,
  restore: string,
  outcome: Outcome,
): Promise<JobResult> {
  const key = formatKey({ kind: 'outcome', restore });
  const { created } = await createOrRead(deps, key, encode(Outcome, outcome));
  if (!created) return NOTHING_WRITTEN;
  const { status, totals, problemsTotal } = outcome;
  deps.log.info({ restore, status, problems: problemsTotal, ...totals }, 'restore finished');
  return { wrote: [key] };
}

async function writeOrders(deps: Deps, loaded: LoadedRestore, phase: Phase): Promise<JobResult> {
  const { request, plan } = loaded;
  const keyOf = (content: number) => orderKey(plan, phase, content);
  const written = await orderKeys(deps, plan.id, phase);
  if (contentsIn(phase, plan).every((content) => written.has(keyOf(content))))
    return NOTHING_WRITTEN;
  const read = await loadPlannedManifest(deps, loaded);
  const isUntouched =
    phase === plan.phases[0] || plan.phases[plan.phases.indexOf(phase) - 1] === 'verify';
  if (!read.ok) return endWith(deps, request, read.failure, isUntouched ? 'refused' : 'failed');
  const manifest = read.value;
  const missing = draftOrders(phase, { request, manifest }).filter(
    ({ content }) => !written.has(keyOf(content)),
  );
  const wrote: string[] = [];
  let problem: Problem | undefined;
  const make = orderMaker(deps, manifest);
  await eachInFlight(missing, ORDERS_IN_FLIGHT, async (draft) => {
    // After a problem no further order is written.
    if (problem !== undefined) return;
    const key = keyOf(draft.content);
    const made = await make(draft, async (bytes) => {
      if (problem === undefined && (await createSame(deps, key, bytes))) wrote.push(key);
    });
    if (!made.ok) problem ??= made.failure;
  });
  if (problem !== undefined) {
    const isNothingDone = isUntouched && (phase === 'verify' || written.size + wrote.length === 0);
    return endWith(deps, request, problem, isNothingDone ? 'refused' : 'failed');
  }
  deps.log.info({ restore: plan.id, phase, orders: missing.length }, 'orders written');
  return { wrote };
}

/** Ends the restore: the set has changed since the restore was planned. */
function endWith(
  deps: Deps,
  request: LoadedRestore['request'],
  problem: Problem,
  status: 'refused' | 'failed',
): Promise<JobResult> {
  return writeOutcome(deps, request.id, { ...refusedOutcome(request, [problem]), status });
}

/** The manifest that the plan was made from, or the problem that it has changed. */
async function loadPlannedManifest(
  deps: Deps,
  { plan }: LoadedRestore,
): Promise<Result<Manifest, Problem>> {
  const { timestamp, manifestSha256 } = plan;
  const key = formatKey({ kind: 'manifest', timestamp });
  const raw = await readDocument(deps, key);
  return readPinned(Manifest, raw === undefined ? [] : [raw], {
    key,
    pin: { sha256: manifestSha256, by: 'restore plan' },
  });
}
