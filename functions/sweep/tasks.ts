import { eachApart } from '../../async/apart.ts';
import { parseKey, taskPrefix } from '../../backup-set/base/keys.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import type { Deps } from '../deps.ts';
import { advanceTask } from '../handlers/advance-task.ts';
import { planTask } from '../handlers/plan-task.ts';
import { requestReplication } from '../handlers/request-replication.ts';
import { runSlice } from '../handlers/run-slice.ts';
import { listKeys } from '../stored/load.ts';
import { newestTasks } from '../stored/newest.ts';
import { isOverdue, lastArrival } from '../stored/overdue.ts';
import { hasTaskOutcome } from '../tasks/tasks.ts';
import type { OnSet, SetStatus, SweepOptions } from './report.ts';

/** The longest run of a Lambda function: after that, a slice without a receipt was abandoned. */
const SLICE_OVERDUE_AFTER_SECONDS = 900;

/**
 * Requests copies of complete sets that have no task: the event of their verdict was lost, or the
 * alternate location is new.
 */
export async function requestReplications(
  deps: Deps,
  closed: ReadonlyMap<string, SetStatus | 'over'>,
  onSet: OnSet,
): Promise<void> {
  if (deps.replica === undefined) return;
  const parts = (await newestTasks(deps))
    .map(partsOfTask)
    .filter(({ work }) => work === 'replicate');
  const known = new Set(parts.map(({ timestamp }) => timestamp));
  for (const [timestamp, status] of closed) {
    if (status !== 'complete' || known.has(timestamp)) continue;
    await onSet(timestamp, async () => {
      await requestReplication(deps, timestamp);
    });
  }
}

/** Continues a task whose event was lost, and its abandoned slices. @returns true when it ended. */
export async function sweepTask(
  deps: Deps,
  task: string,
  { overdueAfterSeconds = SLICE_OVERDUE_AFTER_SECONDS, onSlice }: SweepOptions,
): Promise<boolean> {
  if (await hasTaskOutcome(deps, task)) return true;
  if (partsOfTask(task).work === 'replicate' && deps.replica === undefined) {
    deps.log.warn(
      { task },
      'task skipped: it copies a set to the alternate location, and none is configured',
    );
    return false;
  }
  const { wrote } = await planTask(deps, task);
  const last = await lastArrival(deps, taskPrefix(task));
  if (wrote.length > 0) {
    // New orders: on AWS their events start the slices.
    if (onSlice !== undefined) wrote.forEach(onSlice);
  } else if (last !== undefined && (await isOverdue(deps, last, overdueAfterSeconds))) {
    await eachApart(await ordersLeft(deps, task), async (order) => {
      if (onSlice === undefined) await runSliceOf(deps, order);
      else onSlice(order);
    });
  }
  await advanceTask(deps, task);
  return hasTaskOutcome(deps, task);
}

/** Orders without a receipt. */
async function ordersLeft(deps: Deps, task: string): Promise<string[]> {
  const orders = await listKeys(deps, taskPrefix(task, 'orders'), ['slice-order']);
  const receipts = await listKeys(deps, taskPrefix(task, 'receipts'), ['slice-receipt']);
  const done = new Set(receipts.map(({ key }) => sliceOf(key)));
  return orders.map(({ key }) => key).filter((key) => !done.has(sliceOf(key)));
}

async function runSliceOf(deps: Deps, order: string): Promise<void> {
  const key = parseKey(order);
  if (key?.kind === 'slice-order') await runSlice(deps, key.task, key.slice);
}

function sliceOf(text: string): number | undefined {
  const key = parseKey(text);
  return key !== undefined && 'slice' in key ? key.slice : undefined;
}
