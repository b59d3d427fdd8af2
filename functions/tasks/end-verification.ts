import { type RawDocument, sha256 } from '../../backup-set/base/document.ts';
import { joinProblems, type ProblemList } from '../../backup-set/base/problems.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { TaskPlan } from '../../backup-set/documents/tasks.ts';
import { type CheckedSet, checkSet, finding } from '../check/set.ts';
import type { Deps, JobResult } from '../deps.ts';
import { writeVerdictAt } from '../stored/write-verdict.ts';
import type { PieceResult } from './piece-result.ts';
import { endTask, readManifestOf, refuseTask } from './tasks.ts';

/**
 * Ends a verification with a verdict and its outcome. The verdict has the time of the task, so
 * every caller writes it under the same key.
 */
export async function endVerification(
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
  const { proven = [] } = validated;
  const problemsFound = joinProblems(validated, without(done, validated));
  const found = {
    ...finding({ objects, bytes }, problemsFound),
    proven,
    ...(validated.manifest?.encryption && { decrypted: false }),
  };
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
    problem(
      `the slices have read ${plural(objects, 'object')}, the set has ${count(manifest.totals.objects)}`,
    ),
  ];
}

/** Removes the problems that the check of the set names too: a slice finds them again. */
function without(done: ProblemList, known: ProblemList): ProblemList {
  const reported = new Set(known.problems.map(({ code, object }) => `${code} ${object}`));
  const problems = done.problems.filter(({ code, object }) => !reported.has(`${code} ${object}`));
  return { problems, problemsTotal: done.problemsTotal - (done.problems.length - problems.length) };
}
