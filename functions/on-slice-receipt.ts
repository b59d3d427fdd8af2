import { decode } from '../backup-set/documents.ts';
import { formatKey, taskPrefix } from '../backup-set/keys.ts';
import { joined, type ProblemList } from '../backup-set/problem-list.ts';
import { SliceReceipt, TaskPlan } from '../backup-set/slices.ts';
import { partsOfTask } from '../backup-set/timestamps.ts';
import { bounded, type Problem } from '../backup-set/verdict.ts';
import { checkSet, finding } from './check-set.ts';
import { type Deps, type Handled, NOTHING } from './deps.ts';
import { listKeys, readAll, readDocument } from './load.ts';
import { validate } from './on-manifest.ts';
import { stitch } from './on-receipt.ts';
import { copyObject, requireReplica } from './replicate.ts';
import { type Ended, endTask, hasTaskOutcome, type PieceDone, readManifestOf, refuseTask } from './tasks.ts';
import { writeVerdictAt } from './write-verdict.ts';

/**
 * A slice is done: once all are, folds their receipts into one verdict, and the outcome of the task. Any number of
 * calls, at once or again, end in the same place.
 */
export async function onSliceReceipt(deps: Deps, task: string): Promise<Handled> {
  const rawPlan = await readDocument(deps, formatKey({ kind: 'task-plan', task }));
  if (rawPlan === undefined || (await hasTaskOutcome(deps, task))) return NOTHING;
  const plan = decode(TaskPlan, rawPlan);
  const listed = await listKeys(deps, taskPrefix(task, 'receipts'), ['slice-receipt']);
  const wanted = new Set(
    Array.from({ length: plan.slices }, (_, slice) => formatKey({ kind: 'slice-receipt', task, slice })),
  );
  const counted = listed.filter(({ key }) => wanted.has(key));
  if (counted.length < plan.slices) return NOTHING;
  const done = foldReceipts(
    plan,
    (
      await readAll(
        deps,
        counted.map(({ key }) => key),
      )
    ).map((raw) => decode(SliceReceipt, raw)),
  );
  return partsOfTask(task).work === 'verify' ? endVerify(deps, task, done) : endReplicate(deps, task, done);
}

function foldReceipts({ task, manifestSha256 }: TaskPlan, receipts: readonly SliceReceipt[]): PieceDone {
  const foreign = receipts.find(
    (receipt) => receipt.task !== task || receipt.manifestSha256 !== manifestSha256,
  );
  const strange: Problem[] =
    foreign === undefined
      ? []
      : [
          {
            code: 'documents-disagree',
            message: `the receipt of slice ${foreign.slice} belongs to other work`,
          },
        ];
  return {
    objects: receipts.reduce((sum, { objects }) => sum + objects, 0),
    bytes: receipts.reduce((sum, { bytes }) => sum + bytes, 0),
    ...receipts.reduce<ProblemList>(joined, bounded(strange)),
  };
}

/** The verdict is dated with the task: whoever folds writes it under the same key. */
async function endVerify(deps: Deps, task: string, done: PieceDone): Promise<Handled> {
  const { timestamp, instant } = partsOfTask(task);
  const raw = await readManifestOf(deps, task);
  if (raw === undefined)
    return refuseTask(deps, task, { code: 'object-missing', message: 'the manifest has gone meanwhile' });
  const validated = await checkSet(deps, timestamp, raw);
  const { objects, bytes } = done;
  const found = finding({ objects, bytes }, joined(validated, without(done, validated)));
  const { key, verdict } = await writeVerdictAt(deps, timestamp, 'verify', found, instant);
  const { status, problems, problemsTotal } = verdict;
  const ended = { status, root: deps.store.url, verdict: key, objects, bytes, problems, problemsTotal };
  const { wrote } = await endTask(deps, task, ended);
  return { wrote: [key, ...wrote] };
}

/** What a listing tells, a slice finds too. */
function without(done: ProblemList, known: ProblemList): ProblemList {
  const told = new Set(known.problems.map(({ code, object }) => `${code} ${object}`));
  const problems = done.problems.filter(({ code, object }) => !told.has(`${code} ${object}`));
  return { problems, problemsTotal: done.problemsTotal - (done.problems.length - problems.length) };
}

/** Every object has arrived: the documents follow, and the fold commits there what it committed here. */
async function endReplicate(deps: Deps, task: string, done: PieceDone): Promise<Handled> {
  const { timestamp } = partsOfTask(task);
  const replica = requireReplica(deps);
  const { objects, bytes } = done;
  const end = (
    status: Ended['status'],
    { problems, problemsTotal }: ProblemList,
    verdict: Pick<Ended, 'verdict'> = {},
  ) =>
    endTask(deps, task, { root: replica.url, objects, bytes, status, problems, problemsTotal, ...verdict });
  if (done.problemsTotal > 0) return end('damaged', done);
  for (const kind of ['plan', 'seal'] as const) {
    const key = formatKey({ kind, timestamp });
    const stored = await deps.store.head(key);
    const problem: Problem | undefined =
      stored === undefined
        ? { code: 'object-missing', object: key, message: 'the object is not there' }
        : await copyObject(deps, key, stored.bytes);
    if (problem !== undefined) return end('damaged', bounded([problem]));
  }
  const there: Deps = { ...deps, store: replica };
  const stitched = await stitch(there, timestamp);
  if (stitched.status !== 'complete')
    return end(stitched.status === 'open' ? 'incomplete' : stitched.status, bounded(stitched.problems));
  const { verdict, wrote } = await validate(there, timestamp);
  const [key] = wrote;
  return end(verdict.status, verdict, key === undefined ? {} : { verdict: key });
}
