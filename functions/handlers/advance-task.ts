import { formatKey, taskPrefix } from '../../backup-set/base/keys.ts';
import { gatherProblems } from '../../backup-set/base/problems.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import { SliceReceipt, TaskPlan } from '../../backup-set/documents/tasks.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { listKeys, readAll, readDocument } from '../stored/load.ts';
import { endReplication } from '../tasks/end-replication.ts';
import { endVerification } from '../tasks/end-verification.ts';
import type { PieceResult } from '../tasks/piece-result.ts';
import { hasTaskOutcome, refuseTask } from '../tasks/tasks.ts';

/** Receipts in memory at once: each can name a thousand problems. */
const RECEIPTS_AT_ONCE = 32;

/**
 * Called after a slice left its receipt. When all slices have one, folds the receipts into one
 * verdict and the outcome of the task. Any number of calls, concurrent or repeated, give the same
 * result.
 */
export async function advanceTask(deps: Deps, task: string): Promise<JobResult> {
  const rawPlan = await readDocument(deps, formatKey({ kind: 'task-plan', task }));
  if (rawPlan === undefined || (await hasTaskOutcome(deps, task))) return NOTHING_WRITTEN;
  const read = parse(TaskPlan, rawPlan);
  if (!read.ok) return refuseTask(deps, task, read.failure);
  const plan = read.value;
  // Each of up to 10,000 receipts calls this. Slices end roughly in order, so one HEAD of the last
  // receipt saves most of the listings.
  const last = formatKey({ kind: 'slice-receipt', task, slice: plan.slices - 1 });
  if ((await deps.store.head(last, { signal: deps.signal })) === undefined) return NOTHING_WRITTEN;
  const listed = await listKeys(deps, taskPrefix(task, 'receipts'), ['slice-receipt']);
  if (listed.length < plan.slices) return NOTHING_WRITTEN;
  const arrived = new Set(listed.map(({ key }) => key));
  const wanted = Array.from({ length: plan.slices }, (_, slice) =>
    formatKey({ kind: 'slice-receipt', task, slice }),
  );
  if (!wanted.every((key) => arrived.has(key))) return NOTHING_WRITTEN;
  const done = await foldReceipts(deps, plan, wanted);
  if (done === undefined) return NOTHING_WRITTEN;
  return partsOfTask(task).work === 'verify'
    ? endVerification(deps, task, plan, done)
    : endReplication(deps, task, done);
}

/** Adds up the receipts of all slices; undefined when one was deleted meanwhile. */
async function foldReceipts(
  deps: Deps,
  plan: TaskPlan,
  keys: readonly string[],
): Promise<PieceResult | undefined> {
  const done = { objects: 0, bytes: 0 };
  const gathered = gatherProblems();
  const foreign = (object: string): Problem => ({
    code: 'documents-disagree',
    object,
    message: 'the slice was made from another manifest',
  });
  for (let first = 0; first < keys.length; first += RECEIPTS_AT_ONCE) {
    const some = keys.slice(first, first + RECEIPTS_AT_ONCE);
    const read = await readAll(deps, some);
    if (read.length < some.length) return undefined;
    for (const [at, raw] of read.entries()) {
      const slice = first + at;
      const parsed = parse(SliceReceipt, raw);
      if (!parsed.ok) {
        gathered.add(slice, [parsed.failure]);
        continue;
      }
      const receipt = parsed.value;
      if (receipt.manifestSha256 !== plan.manifestSha256) gathered.add(slice, [foreign(raw.key)]);
      gathered.addList(slice, receipt);
      done.objects += receipt.objects;
      done.bytes += receipt.bytes;
    }
  }
  return { ...done, ...gathered.list() };
}
