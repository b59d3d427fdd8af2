import { decode, type RawDocument, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, taskPrefix } from '../../backup-set/base/keys.ts';
import { gatherProblems, joinProblems, type ProblemList } from '../../backup-set/base/problems.ts';
import { failure } from '../../backup-set/base/result.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import { SliceReceipt, TaskPlan } from '../../backup-set/documents/tasks.ts';
import { type CheckedSet, checkSet, finding } from '../check/set.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { copyObject } from '../sets/copy-object.ts';
import { listKeys, readAll, readDocument } from '../stored/load.ts';
import { writeVerdictAt } from '../stored/write-verdict.ts';
import type { PieceResult } from '../tasks/piece-result.ts';
import { requireReplica } from '../tasks/replicate-piece.ts';
import {
  endTask,
  hasTaskOutcome,
  readManifestOf,
  refuseTask,
  type TaskEnd,
} from '../tasks/tasks.ts';
import { type StitchResult, stitch } from './stitch.ts';
import { validate } from './validate.ts';

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
  const plan = decode(TaskPlan, rawPlan);
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
  const done = await foldReceipts(deps, task, plan, wanted);
  if (done === undefined) return NOTHING_WRITTEN;
  return partsOfTask(task).work === 'verify'
    ? endVerify(deps, task, plan, done)
    : endReplicate(deps, task, done);
}

/** Adds up the receipts of all slices; undefined when one was deleted meanwhile. */
async function foldReceipts(
  deps: Deps,
  task: string,
  plan: TaskPlan,
  keys: readonly string[],
): Promise<PieceResult | undefined> {
  const done = { objects: 0, bytes: 0 };
  const gathered = gatherProblems();
  const foreign = (object: string): Problem => ({
    code: 'documents-disagree',
    object,
    message: 'the document belongs to another task, or was made from another manifest',
  });
  if (plan.task !== task) gathered.addFirst([foreign(formatKey({ kind: 'task-plan', task }))]);
  for (let first = 0; first < keys.length; first += RECEIPTS_AT_ONCE) {
    const some = keys.slice(first, first + RECEIPTS_AT_ONCE);
    const read = await readAll(deps, some);
    if (read.length < some.length) return undefined;
    for (const [at, raw] of read.entries()) {
      const slice = first + at;
      const receipt = decode(SliceReceipt, raw);
      const isOurs =
        receipt.task === task &&
        receipt.slice === slice &&
        receipt.manifestSha256 === plan.manifestSha256;
      if (!isOurs) gathered.add(slice, [foreign(raw.key)]);
      gathered.addList(slice, receipt);
      done.objects += receipt.objects;
      done.bytes += receipt.bytes;
    }
  }
  return { ...done, ...gathered.list() };
}

/** The verdict has the time of the task, so every caller writes it under the same key. */
async function endVerify(
  deps: Deps,
  task: string,
  plan: TaskPlan,
  read: PieceResult,
): Promise<JobResult> {
  const { timestamp, instant } = partsOfTask(task);
  const raw = await readManifestOf(deps, task);
  if (raw === undefined)
    return refuseTask(deps, task, {
      code: 'object-missing',
      message: 'the manifest was deleted while the set was being verified',
    });
  const validated = await checkSet(deps, timestamp, raw);
  const { objects, bytes } = read;
  const done = joinProblems(read, boundedProblems(unread(plan, raw, validated, read)));
  const found = finding({ objects, bytes }, joinProblems(validated, without(done, validated)));
  const { key, verdict } = await writeVerdictAt(deps, timestamp, 'verify', found, instant);
  const { status, problems, problemsTotal } = verdict;
  const ended = {
    status,
    root: deps.store.url,
    verdict: key,
    objects,
    bytes,
    problems,
    problemsTotal,
  };
  const { wrote } = await endTask(deps, task, ended);
  return { wrote: [key, ...wrote] };
}

/** Checks that the slices were made from this manifest and covered all of its objects. */
function unread(
  plan: TaskPlan,
  { key: object, bytes }: RawDocument,
  { manifest }: CheckedSet,
  { objects, problemsTotal }: PieceResult,
): Problem[] {
  const problem = (message: string): Problem => ({ code: 'documents-disagree', object, message });
  if (sha256(bytes) !== plan.manifestSha256)
    return [problem('the manifest has changed since the task was planned')];
  // When a slice could not read a part, its receipt names the problem already.
  if (problemsTotal > 0 || manifest === undefined || manifest.totals.objects === objects) return [];
  return [
    problem(`the slices have read ${objects} objects; the set has ${manifest.totals.objects}`),
  ];
}

/** Removes the problems that the check of the set names too: a slice finds them again. */
function without(done: ProblemList, known: ProblemList): ProblemList {
  const reported = new Set(known.problems.map(({ code, object }) => `${code} ${object}`));
  const problems = done.problems.filter(({ code, object }) => !reported.has(`${code} ${object}`));
  return { problems, problemsTotal: done.problemsTotal - (done.problems.length - problems.length) };
}

/** Copies plan and seal after all objects, then commits and validates the copy of the set. */
async function endReplicate(deps: Deps, task: string, done: PieceResult): Promise<JobResult> {
  const { timestamp } = partsOfTask(task);
  const replica = requireReplica(deps);
  const { objects, bytes } = done;
  const end = (
    status: TaskEnd['status'],
    { problems, problemsTotal }: ProblemList,
    verdict: Pick<TaskEnd, 'verdict'> = {},
  ) =>
    endTask(deps, task, {
      root: replica.url,
      objects,
      bytes,
      status,
      problems,
      problemsTotal,
      ...verdict,
    });
  if (done.problemsTotal > 0) return end('damaged', done);
  for (const kind of ['plan', 'seal'] as const) {
    const key = formatKey({ kind, timestamp });
    const stored = await deps.store.head(key, { signal: deps.signal });
    const result =
      stored === undefined
        ? failure<Problem>({
            code: 'object-missing',
            object: key,
            message: 'the object is missing',
          })
        : await copyObject({ from: deps.store, to: replica }, stored, { signal: deps.signal });
    if (!result.ok) return end('damaged', boundedProblems([result.failure]));
  }
  const there: Deps = { ...deps, store: replica };
  const stitched = await stitchOrRefuse(there, timestamp);
  if (stitched.status !== 'complete')
    return end(
      stitched.status === 'open' ? 'incomplete' : stitched.status,
      boundedProblems(stitched.problems),
    );
  const { verdict, wrote } = await validate(there, timestamp);
  const [key] = wrote;
  return end(verdict.status, verdict, key === undefined ? {} : { verdict: key });
}

/**
 * Other manifest parts at the alternate location are a finding, not an error to retry: no later try
 * would succeed.
 */
async function stitchOrRefuse(
  there: Deps,
  timestamp: string,
): Promise<Pick<StitchResult, 'status' | 'problems'>> {
  try {
    return await stitch(there, timestamp);
  } catch (error) {
    if (!isStowageError(error, 'set/damaged')) throw error;
    const { object = formatKey({ kind: 'manifest', timestamp }) } = error.where;
    return {
      status: 'damaged',
      problems: [{ code: 'documents-disagree', object, message: error.message }],
    };
  }
}
