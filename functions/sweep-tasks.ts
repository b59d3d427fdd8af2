import { formatKey, TASKS, taskPrefix } from '../backup-set/keys.ts';
import { partsOfTask, TaskId } from '../backup-set/timestamps.ts';
import { callOptions, type Deps } from './deps.ts';
import { listKeys } from './load.ts';
import { onSliceOrder } from './on-slice-order.ts';
import { onSliceReceipt } from './on-slice-receipt.ts';
import { onTaskRequest } from './on-task-request.ts';
import { requestReplication } from './replicate.ts';
import { isSilent, lastArrival } from './silence.ts';
import type { SetStatus, SweepOptions } from './sweep-report.ts';
import { hasTaskOutcome } from './tasks.ts';

/** Tasks looked at in one sweep, the newest first. */
const SWEPT_MAX = 10_000;
/** As long as a function on AWS may run: after that, nobody can be at work on a slice that has left no receipt. */
const SLICE_SILENCE_SECONDS = 900;

/** Tasks that are there, newest first. */
export async function newestTasks(deps: Deps): Promise<string[]> {
  const names = await Array.fromAsync(deps.store.listPrefixes(TASKS, callOptions(deps)));
  const tasks = names.map((name) => name.slice(0, -1)).filter((name) => TaskId.safeParse(name).success);
  return tasks.sort().reverse().slice(0, SWEPT_MAX);
}

/** Asks for the copy of complete sets that no task is about: the event of their verdict was lost, or the alternate location is new. */
export async function requestReplicas(
  deps: Deps,
  closed: ReadonlyMap<string, SetStatus | 'over'>,
): Promise<void> {
  if (deps.replica === undefined) return;
  const parts = (await newestTasks(deps)).map(partsOfTask).filter(({ work }) => work === 'replicate');
  const known = new Set(parts.map(({ timestamp }) => timestamp));
  for (const [timestamp, status] of closed) {
    if (status === 'complete' && !known.has(timestamp)) await requestReplication(deps, timestamp);
  }
}

/** Takes a task on where an event was lost; slices that nobody is at work on are done here. @returns true when it is over. */
export async function sweepTask(
  deps: Deps,
  task: string,
  { overdueAfterSeconds = SLICE_SILENCE_SECONDS }: SweepOptions,
): Promise<boolean> {
  if (await hasTaskOutcome(deps, task)) return true;
  if (partsOfTask(task).work === 'replicate' && deps.replica === undefined) {
    deps.log.warn({ task }, 'a copy is asked for, and no alternate location is configured: left alone');
    return false;
  }
  const { wrote } = await onTaskRequest(deps, task);
  const last = await lastArrival(deps, taskPrefix(task));
  // Orders that are news: their events are on the way.
  if (wrote.length === 0 && last !== undefined && isSilent(deps, last, overdueAfterSeconds))
    await doMissingSlices(deps, task);
  await onSliceReceipt(deps, task);
  return hasTaskOutcome(deps, task);
}

async function doMissingSlices(deps: Deps, task: string): Promise<void> {
  const orders = await listKeys(deps, taskPrefix(task, 'orders'), ['slice-order']);
  const receipts = await listKeys(deps, taskPrefix(task, 'receipts'), ['slice-receipt']);
  const done = new Set(receipts.map(({ key }) => key));
  for (let slice = 0; slice < orders.length; slice++) {
    if (!done.has(formatKey({ kind: 'slice-receipt', task, slice }))) await onSliceOrder(deps, task, slice);
  }
}
