import { decode, type RawDocument } from '../backup-set/documents.ts';
import { formatKey, type Phase, phasePrefix } from '../backup-set/keys.ts';
import { RestorePlan, RestoreRequest } from '../backup-set/restore.ts';
import { contentsIn } from '../backup-set/restore-phases.ts';
import { callOptions, type Deps } from './deps.ts';
import { listKeys, readAll, readDocument } from './load.ts';

/** A restore that was planned and has not ended: what is needed to take its next step. */
export interface LoadedRestore {
  readonly request: RestoreRequest;
  readonly plan: RestorePlan;
  /** All receipts of the phases that every segment has answered, and those of the first that some have not. */
  readonly receipts: readonly RawDocument[];
}

/**
 * Loads a restore, or undefined when it has no plan, or has its outcome already.
 * @throws StowageError `set/unreadable` when request or plan are not what we wrote.
 */
export async function loadRestore(deps: Deps, restore: string): Promise<LoadedRestore | undefined> {
  if (await hasOutcome(deps, restore)) return undefined;
  const rawPlan = await readDocument(deps, formatKey({ kind: 'restore-plan', restore }));
  const rawRequest = await readDocument(deps, formatKey({ kind: 'restore-request', restore }));
  if (rawPlan === undefined || rawRequest === undefined) return undefined;
  const plan = decode(RestorePlan, rawPlan);
  const request = decode(RestoreRequest, rawRequest);
  const receipts: RawDocument[] = [];
  for (const phase of plan.phases) {
    const listed = await listKeys(deps, phasePrefix(restore, 'receipts', phase), ['restore-receipt']);
    const keys = new Set(listed.map(({ key }) => key));
    const awaited = contentsIn(phase, plan).some(
      (content) => !keys.has(formatKey({ kind: 'restore-receipt', restore, phase, content })),
    );
    // While some are awaited, the fold only asks who: the bytes of the others can wait.
    if (awaited) {
      receipts.push(...listed.map(({ key }) => ({ key, bytes: new Uint8Array() })));
      break;
    }
    receipts.push(...(await readAll(deps, [...keys])));
  }
  return { request, plan, receipts };
}

export async function hasOutcome(deps: Deps, restore: string): Promise<boolean> {
  return (await deps.store.head(formatKey({ kind: 'outcome', restore }), callOptions(deps))) !== undefined;
}

/** Keys of the orders of a phase that are there. */
export async function orderKeys(deps: Deps, restore: string, phase: Phase): Promise<ReadonlySet<string>> {
  const listed = await listKeys(deps, phasePrefix(restore, 'orders', phase), ['order']);
  return new Set(listed.map(({ key }) => key));
}
