import { decode } from '../backup-set/base/document.ts';
import { StowageError } from '../backup-set/base/errors.ts';
import { formatKey, parseKey, taskPrefix } from '../backup-set/base/keys.ts';
import type { Verdict } from '../backup-set/base/verdict.ts';
import { plural } from '../backup-set/base/words.ts';
import { TaskOutcome, TaskPlan } from '../backup-set/documents/tasks.ts';
import type { Deps } from '../functions/deps.ts';
import { requireLiving } from '../functions/retention/marks.ts';
import { listKeys, readDocument } from '../functions/stored/load.ts';
import { requestTask } from '../functions/tasks/tasks.ts';
import type { ClusterContext } from './context.ts';
import { waitForFunctions } from './wait-for-functions.ts';

/** Seldom: each look lists the receipts of all slices. */
const LIST_EVERY_MS = 5_000;

/**
 * Requests that the deployed functions read a set again, slice by slice, and waits for their
 * verdict.
 * @throws StowageError `functions/silent` without a verdict within `waitMs`; the task continues.
 */
export async function verifyRemotely(
  context: ClusterContext,
  deps: Deps,
  timestamp: string,
  waitMs: number,
): Promise<Verdict> {
  await requireLiving(deps, timestamp);
  const key = await requestTask(deps, timestamp, 'verify', await deps.store.now());
  const parsed = parseKey(key);
  const task = parsed?.kind === 'task-request' ? parsed.task : '';
  context.output.note('request', { task }, `requested verification: ${key}`);
  const show = showSliceProgress(context, deps, task);
  let outcome: TaskOutcome | undefined;
  const holds = async () => {
    outcome ??= await readOutcome(deps, task);
    if (outcome === undefined) await show();
    return outcome !== undefined;
  };
  const what = `the outcome of task ${task}`;
  const ended = await waitForFunctions(context, deps, {
    keys: [key],
    what,
    isDone: holds,
    waitMs,
  });
  if (!ended || outcome === undefined)
    throw new StowageError(
      'functions/silent',
      `no function finished task ${task} within ${waitMs / 1000} s; the request stays stored, and functions will carry it out`,
      { where: { set: timestamp } },
    );
  return verdictFromOutcome(timestamp, outcome);
}

async function readOutcome(deps: Deps, task: string): Promise<TaskOutcome | undefined> {
  const raw = await readDocument(deps, formatKey({ kind: 'task-outcome', task }));
  return raw && decode(TaskOutcome, raw);
}

/**
 * From the outcome: a set that could not be planned has no verdict, and the newest may be of
 * another task.
 */
function verdictFromOutcome(timestamp: string, outcome: TaskOutcome): Verdict {
  const { status, problems, problemsTotal, objects, bytes, at, version } = outcome;
  const checked = { objects, bytes };
  return {
    format: 'stowage/verdict',
    version,
    timestamp,
    level: 'verify',
    at,
    status,
    checked,
    problems,
    problemsTotal,
  };
}

function showSliceProgress(
  { output, clock }: ClusterContext,
  deps: Deps,
  task: string,
): () => Promise<void> {
  let shownAt = 0;
  return async () => {
    const now = clock().getTime();
    if (now - shownAt < LIST_EVERY_MS) return;
    shownAt = now;
    const raw = await readDocument(deps, formatKey({ kind: 'task-plan', task }));
    if (raw === undefined) return;
    const { slices } = decode(TaskPlan, raw);
    const done = (await listKeys(deps, taskPrefix(task, 'receipts'), ['slice-receipt'])).length;
    const text = `verify: ${done} of ${plural(slices, 'slice')} read`;
    if (output.live) output.draw([text]);
    else output.note('progress', { what: 'verify', slices, done }, text);
  };
}
