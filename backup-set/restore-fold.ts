import { type DocumentIndex, decode, FORMAT_VERSION, indexByKey, type RawDocument } from './documents.ts';
import { isStowageError, messageOf } from './errors.ts';
import { formatKey, type Phase } from './keys.ts';
import { type Outcome, type RestorePlan, RestoreReceipt, type RestoreRequest } from './restore.ts';
import { contentsIn } from './restore-phases.ts';
import { bounded, type Problem } from './verdict.ts';

export type RestoreStep =
  /** Orders of this phase must exist; their receipts are awaited from these contents. */
  { readonly next: Phase; readonly awaiting: readonly number[] } | { readonly outcome: Outcome };

/** Where a restore stands: the same fold as for a set, from plan and receipts alone. Pure. */
export function foldRestore(plan: RestorePlan, receipts: Iterable<RawDocument>): RestoreStep {
  const index = indexByKey(receipts);
  let loaded: RestoreReceipt[] = [];
  for (const phase of plan.phases) {
    const { done, awaiting, problems, unlisted } = countPhase(plan, phase, index);
    // A failed phase ends the restore only when every segment has spoken: nobody still works on the target then.
    if (awaiting.length > 0) return { next: phase, awaiting };
    if (problems.length > 0) {
      const status = phase === 'verify' || refusedByAll(phase, done, problems) ? 'refused' : 'failed';
      return { outcome: outcomeOf(plan, status, loaded, problems, unlisted) };
    }
    if (phase === 'data') loaded = done;
  }
  const short = loadDiffers(plan, loaded);
  return { outcome: outcomeOf(plan, short.length > 0 ? 'failed' : 'restored', loaded, short) };
}

/** Every target said no before it changed anything. */
function refusedByAll(phase: Phase, done: readonly RestoreReceipt[], problems: readonly Problem[]): boolean {
  return phase === 'pre-data' && done.length === 0 && problems.every(({ code }) => code === 'target-refused');
}

/** The outcome of a request that was not even begun. */
export function refusedOutcome(
  request: Pick<RestoreRequest, 'id' | 'timestamp'>,
  problems: readonly Problem[],
): Outcome {
  return outcomeOf(request, 'refused', [], problems);
}

function countPhase(plan: RestorePlan, phase: Phase, index: DocumentIndex) {
  const done: RestoreReceipt[] = [];
  const awaiting: number[] = [];
  const problems: Problem[] = [];
  let unlisted = 0;
  for (const content of contentsIn(phase, plan)) {
    const key = formatKey({ kind: 'restore-receipt', restore: plan.id, phase, content });
    const receipt = readReceipt(index.get(key) ?? [], { id: plan.id, phase, content });
    if (receipt === undefined) awaiting.push(content);
    else if ('code' in receipt) problems.push({ ...receipt, content, object: key });
    // `done` beside a problem is a failure: there is no success with errors.
    else if (receipt.status === 'failed' || receipt.problemsTotal > 0 || receipt.problems.length > 0) {
      const told = receipt.problems.map((problem) => ({ content, ...problem }));
      problems.push(...(told.length > 0 ? told : [failedWithoutReason(content, key)]));
      unlisted += Math.max(0, receipt.problemsTotal - Math.max(1, told.length));
    } else done.push(receipt);
  }
  return { done, awaiting, problems, unlisted };
}

/** Relations and rows loaded must be the plan's, whatever the shippers claimed on the way. */
function loadDiffers(plan: RestorePlan, loaded: readonly RestoreReceipt[]): Problem[] {
  const byContent = new Map(loaded.map((receipt) => [receipt.content, receipt]));
  return plan.contents.flatMap(({ content, relations, rows }): Problem[] => {
    const receipt = byContent.get(content);
    const gotRows = receipt === undefined ? 0 : rowsOf([receipt]);
    const gotRelations = receipt === undefined ? 0 : namesOf([receipt]).size;
    const twice = (receipt?.relations.length ?? 0) - gotRelations;
    if (gotRows === rows && gotRelations === relations && twice === 0) return [];
    const message = `${gotRows} of ${rows} rows in ${gotRelations} of ${relations} relations were loaded`;
    return [{ code: 'order-failed', content, message: twice === 0 ? message : `${message}, ${twice} twice` }];
  });
}

function outcomeOf(
  { id, timestamp, totals }: Pick<RestorePlan, 'id' | 'timestamp'> & Partial<Pick<RestorePlan, 'totals'>>,
  status: Outcome['status'],
  loaded: readonly RestoreReceipt[],
  problems: readonly Problem[],
  unlisted = 0,
): Outcome {
  const listed = bounded(problems);
  return {
    format: 'stowage/outcome',
    version: FORMAT_VERSION,
    id,
    timestamp,
    status,
    totals: {
      contents: loaded.length === 0 ? 0 : (totals?.contents ?? 0),
      relations: namesOf(loaded).size,
      rows: rowsOf(loaded),
    },
    problemsTotal: listed.problemsTotal + unlisted,
    problems: listed.problems,
  };
}

/** One segment's word on one phase; undefined = it has not spoken yet. */
function readReceipt(
  [raw, other]: readonly RawDocument[],
  expected: Pick<RestoreReceipt, 'id' | 'phase' | 'content'>,
): RestoreReceipt | Pick<Problem, 'code' | 'message'> | undefined {
  if (raw === undefined) return undefined;
  if (other !== undefined)
    return { code: 'receipt-altered', message: 'different bytes were read from this one key' };
  try {
    const receipt = decode(RestoreReceipt, raw);
    const { id, phase, content } = expected;
    if (receipt.id === id && receipt.phase === phase && receipt.content === content) return receipt;
    return { code: 'documents-disagree', message: 'its fields belong to another key' };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { code: 'receipt-unreadable', message: messageOf(error) };
  }
}

const rowsOf = (receipts: readonly RestoreReceipt[]) =>
  receipts.reduce((sum, { relations }) => relations.reduce((rows, relation) => rows + relation.rows, sum), 0);

const namesOf = (receipts: readonly RestoreReceipt[]) =>
  new Set(
    receipts.flatMap(({ relations }) => relations.map(({ schema, name }) => JSON.stringify([schema, name]))),
  );

const failedWithoutReason = (content: number, object: string): Problem => ({
  code: 'order-failed',
  content,
  object,
  message: 'the order failed without saying why',
});
