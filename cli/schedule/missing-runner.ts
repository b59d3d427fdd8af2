import { messageOf } from '../../backup-set/base/errors.ts';
import { heardOf } from '../../functions/heard/heard.ts';
import { holderName, holderOf, SLOT_MS, slotOf } from '../../functions/schedule/lease.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import type { Check } from '../doctor/check.ts';
import { withStore } from '../open.ts';
import { noRunner } from '../status/heard/runners.ts';
import { functionDeps } from '../wait-for-functions.ts';

/** Why nothing will start the entries of the schedule; undefined when a runner is heard. */
export async function missingRunner(
  context: ClusterContext,
  store: ObjectStore,
): Promise<string | undefined> {
  if (context.config.schedule === undefined) return undefined;
  const deps = functionDeps(context, store);
  const now = await store.now({ signal: context.signal });
  const runners = await heardOf(deps, now, ['runner']);
  // Most of the time one is heard, and the rest is not read.
  if (runners.some(({ isOverdue }) => !isOverdue)) return undefined;
  const { scheduleStatus } = await import('../status/collect.ts');
  const { entries } = await scheduleStatus(context, deps, now);
  const runner = holderName(await holderOf(deps, 'schedule', slotOf(now.getTime(), SLOT_MS)));
  return noRunner({ now, runners, runner, entries });
}

/** Whether a program runs the schedule of the configuration. None without a schedule. */
export async function checkSchedule(context: ClusterContext): Promise<Check[]> {
  if (context.config.schedule === undefined) return [];
  const check = { of: 'schedule', name: 'a runner is heard', ok: true } as const;
  try {
    const missing = await withStore(context, (store) => missingRunner(context, store));
    if (missing === undefined) return [{ ...check, detail: 'in the last 35 minutes' }];
    return [{ ...check, remark: true, detail: missing }];
  } catch (error) {
    context.signal.throwIfAborted();
    return [{ ...check, remark: true, detail: `not checked: ${messageOf(error)}` }];
  }
}
