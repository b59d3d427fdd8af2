import { formatKey } from '../../backup-set/base/keys.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { verdictKeys, verdictLevel } from '../stored/load.ts';
import { newestSets } from '../stored/newest.ts';
import { hasOpenTask, requestTask } from '../tasks/tasks.ts';

/** Called on a schedule. Requests a verification of the newest committed set, unless it has one. */
export async function requestVerification(deps: Deps): Promise<JobResult> {
  for await (const timestamp of newestSets(deps)) {
    const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }), {
      signal: deps.signal,
    });
    if (manifest === undefined) continue;
    const wasRead = (await verdictKeys(deps, timestamp)).some(
      (key) => verdictLevel(key) === 'verify',
    );
    if (wasRead || (await hasOpenTask(deps, timestamp, 'verify'))) return NOTHING_WRITTEN;
    const now = await deps.store.now({ signal: deps.signal });
    return { wrote: [await requestTask(deps, timestamp, 'verify', now)] };
  }
  return NOTHING_WRITTEN;
}
