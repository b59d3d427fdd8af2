import { eachInFlight } from '../../async/each-in-flight.ts';
import { decode, RECEIPT_BYTES_MAX } from '../../backup-set/base/document.ts';
import { formatKey, type Phase, phasePrefix } from '../../backup-set/base/keys.ts';
import { needsCounts } from '../../backup-set/documents/restore/found.ts';
import { RestorePlan, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { createRestoreFold, type RestoreStep } from '../../backup-set/restore/fold.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import type { Deps } from '../deps.ts';
import { listKeys, READS_IN_FLIGHT, readDocument } from './load.ts';

/** A restore that was planned and has not ended, with its next step. */
export interface LoadedRestore {
  readonly request: RestoreRequest;
  readonly plan: RestorePlan;
  readonly step: RestoreStep;
}

/**
 * Loads a restore; undefined when it has no plan, or its outcome already.
 * @throws StowageError `set/unreadable` when request or plan cannot be decoded.
 */
export async function loadRestore(deps: Deps, restore: string): Promise<LoadedRestore | undefined> {
  if (await hasOutcome(deps, restore)) return undefined;
  const rawPlan = await readDocument(deps, formatKey({ kind: 'restore-plan', restore }));
  const rawRequest = await readDocument(deps, formatKey({ kind: 'restore-request', restore }));
  if (rawPlan === undefined || rawRequest === undefined) return undefined;
  const plan = decode(RestorePlan, rawPlan);
  const request = decode(RestoreRequest, rawRequest);
  return { request, plan, step: await stepOf(deps, plan) };
}

/**
 * Called for the receipt of every segment in every phase, so it reads receipts only when a phase
 * has to be judged. When a later phase has its orders, the phases before were judged.
 */
async function stepOf(deps: Deps, plan: RestorePlan): Promise<RestoreStep> {
  const next = await firstAwaited(deps, plan);
  if (next !== undefined) {
    const { phase } = next;
    const written = await orderKeys(deps, plan.id, phase);
    const isWritten = (content: number) => written.has(orderKey(plan, phase, content));
    if (contentsIn(phase, plan).every(isWritten)) return next;
  }
  const end = next === undefined ? plan.phases.length : plan.phases.indexOf(next.phase);
  const sum = createRestoreFold(plan);
  for (const phase of plan.phases.slice(0, end)) {
    await eachInFlight(contentsIn(phase, plan), READS_IN_FLIGHT, async (content) => {
      const key = receiptKey(plan, phase, content);
      const document = await readDocument(deps, key, RECEIPT_BYTES_MAX);
      if (document !== undefined) sum.add(phase, content, [document]);
    });
  }
  if (needsCounts(plan) && next === undefined) {
    const key = formatKey({ kind: 'restore-counts', restore: plan.id });
    const document = await readDocument(deps, key, RECEIPT_BYTES_MAX);
    if (document !== undefined) sum.addCounts([document]);
  }
  const step = sum.step();
  // No receipt of the awaited phase was read, and more of them may exist by now.
  return step.kind === 'awaiting' && step.phase === next?.phase ? next : step;
}

/** The first phase without all receipts, and the contents without one; reads only a listing. */
async function firstAwaited(
  deps: Deps,
  plan: RestorePlan,
): Promise<Extract<RestoreStep, { kind: 'awaiting' }> | undefined> {
  for (const phase of plan.phases) {
    const listed = await listKeys(deps, phasePrefix(plan.id, 'receipts', phase), [
      'restore-receipt',
    ]);
    const keys = new Set(listed.map(({ key }) => key));
    const contents = contentsIn(phase, plan).filter(
      (content) => !keys.has(receiptKey(plan, phase, content)),
    );
    if (contents.length > 0) return { kind: 'awaiting', phase, contents };
  }
  return undefined;
}

const receiptKey = ({ id: restore }: RestorePlan, phase: Phase, content: number) =>
  formatKey({ kind: 'restore-receipt', restore, phase, content });

export const orderKey = ({ id: restore }: RestorePlan, phase: Phase, content: number) =>
  formatKey({ kind: 'order', restore, phase, content });

export async function hasOutcome(deps: Deps, restore: string): Promise<boolean> {
  return (
    (await deps.store.head(formatKey({ kind: 'outcome', restore }), { signal: deps.signal })) !==
    undefined
  );
}

/** Keys of the stored orders of a phase. */
export async function orderKeys(
  deps: Deps,
  restore: string,
  phase: Phase,
): Promise<ReadonlySet<string>> {
  const listed = await listKeys(deps, phasePrefix(restore, 'orders', phase), ['order']);
  return new Set(listed.map(({ key }) => key));
}
