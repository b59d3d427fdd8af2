import { formatKey } from '../../backup-set/base/keys.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { retentionOf } from '../retention/marks.ts';
import { verdictInForce } from '../stored/judgement.ts';
import { newestVerdict } from '../stored/load.ts';
import { hasOpenTask, hasSucceeded, requestTask } from '../tasks/tasks.ts';

/**
 * Called after a set was validated: requests its copy, if there is an alternate location. The task
 * is named after the verdict, so any number of calls write one request. No second copy is
 * requested while one is under way or after one is complete.
 */
export async function requestReplication(deps: Deps, timestamp: string): Promise<JobResult> {
  if (deps.replica === undefined) return NOTHING_WRITTEN;
  // Checked first: the sweeper calls this for every complete set without a task, and most of
  // these were copied long ago.
  const copied = await deps.replica.head(formatKey({ kind: 'manifest', timestamp }), {
    signal: deps.signal,
  });
  if (copied !== undefined) return NOTHING_WRITTEN;
  const verdict = await newestVerdict(deps, timestamp, 'validate');
  if (verdict?.status !== 'complete') return NOTHING_WRITTEN;
  // Flipped bits that `verify` found would be copied, and `validate` reads no data and would not
  // find them at the alternate location either.
  if ((await verdictInForce(deps, timestamp, { isCommitted: true }))?.status === 'damaged')
    return NOTHING_WRITTEN;
  if ((await retentionOf(deps, timestamp)).state !== 'living') return NOTHING_WRITTEN;
  if (await hasOpenTask(deps, timestamp, 'replicate')) return NOTHING_WRITTEN;
  // It was copied, and has expired at the alternate location: its rules decide there.
  if (await hasSucceeded(deps, timestamp, 'replicate')) return NOTHING_WRITTEN;
  return { wrote: [await requestTask(deps, timestamp, 'replicate', new Date(verdict.at))] };
}
