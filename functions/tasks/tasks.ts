import { encode, FORMAT_VERSION, type RawDocument } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { ProblemList } from '../../backup-set/base/problems.ts';
import { instantOf, partsOfTask, type SliceWork } from '../../backup-set/base/timestamps.ts';
import { boundedProblems, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import { TaskOutcome, TaskRequest } from '../../backup-set/documents/tasks.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { newestTasks } from '../stored/newest.ts';
import { createOrRead } from '../stored/save.ts';

/** Writes the request for a task. @returns its key, also when the request exists already. */
export async function requestTask(
  deps: Deps,
  timestamp: string,
  work: SliceWork,
  at: Date,
): Promise<string> {
  const task = `${instantOf(at)}-${timestamp}-${work}`;
  const key = formatKey({ kind: 'task-request', task });
  const request: TaskRequest = {
    format: 'stowage/task-request',
    version: FORMAT_VERSION,
    task,
    requestedAt: at.toISOString(),
  };
  await createOrRead(deps, key, encode(TaskRequest, request));
  return key;
}

export async function hasTaskOutcome(deps: Deps, task: string): Promise<boolean> {
  const key = formatKey({ kind: 'task-outcome', task });
  return (await deps.store.head(key, { signal: deps.signal })) !== undefined;
}

/** False for a folder that the store lists, and that has no objects. */
async function hasTaskRequest(deps: Deps, task: string): Promise<boolean> {
  const key = formatKey({ kind: 'task-request', task });
  return (await deps.store.head(key, { signal: deps.signal })) !== undefined;
}

async function tasksOf(deps: Deps, timestamp: string, work: SliceWork): Promise<string[]> {
  return (await newestTasks(deps)).filter((task) => {
    const parts = partsOfTask(task);
    return parts.timestamp === timestamp && parts.work === work;
  });
}

/** True while such a task of the set was requested and has not ended. */
export async function hasOpenTask(
  deps: Deps,
  timestamp: string,
  work: SliceWork,
): Promise<boolean> {
  for (const task of await tasksOf(deps, timestamp, work)) {
    if (!(await hasTaskOutcome(deps, task)) && (await hasTaskRequest(deps, task))) return true;
  }
  return false;
}

/** True when a task of this work has ended with `complete`. */
export async function hasSucceeded(
  deps: Deps,
  timestamp: string,
  work: SliceWork,
): Promise<boolean> {
  for (const task of await tasksOf(deps, timestamp, work)) {
    const raw = await readDocument(deps, formatKey({ kind: 'task-outcome', task }));
    const outcome = raw && parse(TaskOutcome, raw);
    if (outcome?.ok === true && outcome.value.status === 'complete') return true;
  }
  return false;
}

export function readManifestOf(deps: Deps, task: string): Promise<RawDocument | undefined> {
  return readDocument(
    deps,
    formatKey({ kind: 'manifest', timestamp: partsOfTask(task).timestamp }),
  );
}

export interface TaskEnd extends ProblemList {
  readonly status: Verdict['status'];
  readonly root: string;
  readonly verdict?: string;
  readonly objects: number;
  readonly bytes: number;
}

/** Writes the outcome of a task. The first of several callers decides it. */
export async function endTask(deps: Deps, task: string, ended: TaskEnd): Promise<JobResult> {
  const outcome: TaskOutcome = {
    format: 'stowage/task-outcome',
    version: FORMAT_VERSION,
    task,
    at: deps.clock().toISOString(),
    ...ended,
    problems: boundedProblems(ended.problems).problems,
  };
  const key = formatKey({ kind: 'task-outcome', task });
  const { created } = await createOrRead(deps, key, encode(TaskOutcome, outcome));
  if (!created) return NOTHING_WRITTEN;
  const { status, problemsTotal, objects, bytes } = outcome;
  deps.log.info({ task, status, problems: problemsTotal, objects, bytes }, 'task finished');
  return { wrote: [key] };
}

/** Ends a task that cannot start. */
export function refuseTask(deps: Deps, task: string, problem: Problem): Promise<JobResult> {
  const isGone = problem.code === 'object-missing' || problem.code === 'set-expired';
  const status = isGone ? 'incomplete' : 'damaged';
  return endTask(deps, task, {
    status,
    root: deps.store.url,
    objects: 0,
    bytes: 0,
    problems: [problem],
    problemsTotal: 1,
  });
}
