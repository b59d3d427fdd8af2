import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { Deps } from '../deps.ts';
import { newestRestores, newestSets, newestTasks } from '../stored/newest.ts';
import { extendRetentions } from './locks.ts';
import type { OnSet, SetStatus, SweepOptions, SweepReport } from './report.ts';
import { sweepRestore } from './restore.ts';
import { sweepSet } from './set.ts';
import { requestReplications, sweepTask } from './tasks.ts';
import { sweepUploads } from './uploads.ts';

/**
 * Does the work that no event started (promise 4): commits and validates sets, writes verdicts on
 * overdue ones, continues restores and tasks, and aborts uploads of dead shippers. A failure with
 * one set is reported, in each of these works, and the other sets are still swept.
 * @throws StowageError when the root cannot be listed, or `interrupted`.
 */
export async function sweep(deps: Deps, options: SweepOptions = {}): Promise<SweepReport> {
  const report: SweepReport = {
    sets: 0,
    statuses: { open: 0, complete: 0, incomplete: 0, damaged: 0 },
    committed: [],
    validated: [],
    overdue: [],
    uploadsAborted: 0,
    problems: [],
  };
  const { closed = new Map<string, SetStatus | 'over'>() } = options;
  for await (const timestamp of newestSets(deps)) {
    const known = closed.get(timestamp);
    if (known !== undefined) {
      if (known !== 'over') count(report, timestamp, known);
      continue;
    }
    report.sets += 1;
    await attempt(deps, report, { set: timestamp }, async () => {
      const swept = await sweepSet(deps, timestamp, options, report);
      if (swept === undefined) report.sets -= 1;
      if (swept === undefined) return;
      const { status, over } = swept;
      count(report, timestamp, status);
      if (over) closed.set(timestamp, status);
    });
  }
  for (const restore of await newestRestores(deps)) {
    if (closed.has(restore)) continue;
    await attempt(deps, report, { restore }, async () => {
      if (await sweepRestore(deps, restore, options, report)) closed.set(restore, 'over');
    });
  }
  const onSet: OnSet = (set, work) => attempt(deps, report, { set }, work);
  await attempt(deps, report, {}, () => requestReplications(deps, closed, onSet));
  await attempt(deps, report, {}, () => extendRetentions(deps, closed, onSet));
  for (const task of await newestTasks(deps)) {
    if (closed.has(task)) continue;
    await attempt(deps, report, { task }, async () => {
      if (await sweepTask(deps, task, options)) closed.set(task, 'over');
    });
  }
  await attempt(deps, report, {}, () => sweepUploads(deps, options, report, onSet));
  const { committed, validated, overdue, problems, uploadsAborted } = report;
  const did =
    uploadsAborted > 0 ||
    [committed, validated, overdue, problems].some(({ length }) => length > 0);
  deps.log[did ? 'info' : 'debug'](report, 'sweep finished');
  return report;
}

/** Must be called for the newest set first. */
function count(report: SweepReport, timestamp: string, status: SetStatus): void {
  report.statuses[status] += 1;
  if (status === 'complete') report.newestComplete ??= timestamp;
}

async function attempt(
  deps: Deps,
  report: SweepReport,
  what: { set?: string; restore?: string; task?: string },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (deps.signal?.aborted || isStowageError(error, 'interrupted')) throw error;
    const [kind, id] = Object.entries(what)[0] ?? ['root', deps.store.url];
    deps.log.error({ err: error, ...what }, `sweep of ${kind} ${id} failed: ${messageOf(error)}`);
    report.problems.push({ ...what, message: messageOf(error), failed: true });
  }
}
