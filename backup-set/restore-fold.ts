import { decode, FORMAT_VERSION, type RawDocument } from './documents.ts';
import { isStowageError, messageOf } from './errors.ts';
import { formatKey, type Phase } from './keys.ts';
import { type Outcome, type RestorePlan, RestoreReceipt, type RestoreRequest } from './restore.ts';
import { bounded, type Problem } from './verdict.ts';

export type RestoreStep =
  /** Orders of this phase must exist; their receipts are awaited from these contents. */
  { readonly next: Phase; readonly awaiting: readonly number[] } | { readonly outcome: Outcome };

/** Where a restore stands: the same fold as for a set, from plan and receipts alone. Pure. */
export function foldRestore(plan: RestorePlan, receipts: Iterable<RawDocument>): RestoreStep {
  const index = new Map(Array.from(receipts, (receipt) => [receipt.key, receipt]));
  let loaded: RestoreReceipt[] = [];
  for (const phase of plan.phases) {
    const { done, awaiting, problems } = countPhase(plan, phase, index);
    // A failed phase ends the restore only when every segment has spoken: nobody still works on the target then.
    if (awaiting.length > 0) return { next: phase, awaiting };
    if (problems.length > 0)
      return { outcome: outcomeOf(plan, phase === 'verify' ? 'refused' : 'failed', loaded, problems) };
    if (phase === 'data') loaded = done;
  }
  return { outcome: outcomeOf(plan, 'restored', loaded, rowsDiffer(plan, loaded)) };
}

/** The outcome of a request that was not even begun. */
export function refusedOutcome(
  request: Pick<RestoreRequest, 'id' | 'timestamp'>,
  problems: readonly Problem[],
): Outcome {
  return {
    format: 'stowage/outcome',
    version: FORMAT_VERSION,
    id: request.id,
    timestamp: request.timestamp,
    status: 'refused',
    totals: { contents: 0, relations: 0, rows: 0 },
    ...bounded(problems),
  };
}

function countPhase(plan: RestorePlan, phase: Phase, index: ReadonlyMap<string, RawDocument>) {
  const done: RestoreReceipt[] = [];
  const awaiting: number[] = [];
  const problems: Problem[] = [];
  for (const { content } of plan.contents) {
    const raw = index.get(formatKey({ kind: 'restore-receipt', restore: plan.id, phase, content }));
    if (raw === undefined) {
      awaiting.push(content);
      continue;
    }
    const receipt = readReceipt(raw);
    if ('code' in receipt) problems.push({ ...receipt, content, object: raw.key });
    else if (receipt.id !== plan.id || receipt.phase !== phase || receipt.content !== content) {
      problems.push({
        code: 'documents-disagree',
        content,
        object: raw.key,
        message: 'its fields belong to another key',
      });
    } else if (receipt.status === 'failed') {
      problems.push(
        ...(receipt.problems.length > 0 ? receipt.problems : [failedWithoutReason(content, raw.key)]),
      );
    } else done.push(receipt);
  }
  return { done, awaiting, problems };
}

/** Loaded rows must be the manifest's, whatever the shippers claimed on the way. */
function rowsDiffer(plan: RestorePlan, loaded: readonly RestoreReceipt[]): Problem[] {
  const rows = new Map(loaded.map((receipt) => [receipt.content, rowsOf([receipt])]));
  return plan.contents
    .filter((planned) => planned.rows !== (rows.get(planned.content) ?? 0))
    .map(({ content, rows: wanted }) => ({
      code: 'order-failed',
      content,
      message: `${rows.get(content) ?? 0} of ${wanted} rows were loaded`,
    }));
}

function outcomeOf(
  plan: RestorePlan,
  status: Outcome['status'],
  loaded: readonly RestoreReceipt[],
  problems: readonly Problem[],
): Outcome {
  return {
    format: 'stowage/outcome',
    version: FORMAT_VERSION,
    id: plan.id,
    timestamp: plan.timestamp,
    status: status === 'restored' && problems.length > 0 ? 'failed' : status,
    totals: {
      contents: loaded.length,
      relations: new Set(
        loaded.flatMap(({ relations }) =>
          relations.map(({ schema, name }) => JSON.stringify([schema, name])),
        ),
      ).size,
      rows: rowsOf(loaded),
    },
    ...bounded(problems),
  };
}

function readReceipt(raw: RawDocument): RestoreReceipt | Pick<Problem, 'code' | 'message'> {
  try {
    return decode(RestoreReceipt, raw);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { code: 'receipt-unreadable', message: messageOf(error) };
  }
}

const rowsOf = (receipts: readonly RestoreReceipt[]) =>
  receipts.reduce((sum, { relations }) => relations.reduce((rows, relation) => rows + relation.rows, sum), 0);

const failedWithoutReason = (content: number, object: string): Problem => ({
  code: 'order-failed',
  content,
  object,
  message: 'the order failed without saying why',
});
