import { formatKey, taskPrefix } from '../backup-set/keys.ts';
import { partsOfTask } from '../backup-set/timestamps.ts';
import type { Deps } from './deps.ts';
import { listKeys } from './load.ts';
import { newestTasks } from './newest.ts';
import { onSliceOrder } from './on-slice-order.ts';
import { onSliceReceipt } from './on-slice-receipt.ts';
import { onTaskRequest } from './on-task-request.ts';
import { requestReplication } from './replicate.ts';
import { isSilent, lastArrival } from './silence.ts';
import type { SetStatus, SweepOptions } from './sweep-report.ts';
import { hasTaskOutcome } from './tasks.ts';

/** As long as a function on AWS may run: after that, nobody can be at work on a slice that has left no receipt. */
const SLICE_SILENCE_SECONDS = 900;

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
