import { formatKey } from '../../backup-set/base/keys.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { verdictKeys, verdictLevel } from '../stored/load.ts';
import { newestSets } from '../stored/newest.ts';
import { isOfOneObject } from '../stored/unreadable.ts';
import { hasOpenTask, requestTask } from '../tasks/tasks.ts';

/**
 * Called on a schedule. Requests a verification of the newest committed set, unless it has one.
 * @throws StowageError when the store withholds a newer set; an older one is verified all the same.
 */
export async function requestVerification(deps: Deps): Promise<JobResult> {
  const failures: unknown[] = [];
  for await (const timestamp of newestSets(deps)) {
    const found = await requestFor(deps, timestamp).catch((error: unknown) => {
      if (!isOfOneObject(error)) throw error;
      failures.push(error);
      return undefined;
    });
    if (found === undefined) continue;
    if (failures.length > 0) throw failures[0];
    return found;
  }
  if (failures.length > 0) throw failures[0];
  return NOTHING_WRITTEN;
}

/** Undefined for a set that is not committed. */
async function requestFor(deps: Deps, timestamp: string): Promise<JobResult | undefined> {
  const { signal } = deps;
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
  if (manifest === undefined) return undefined;
  const keys = await verdictKeys(deps, timestamp);
  const wasRead = keys.some((key) => verdictLevel(key) === 'verify');
  if (wasRead || (await hasOpenTask(deps, timestamp, 'verify'))) return NOTHING_WRITTEN;
  const now = await deps.store.now({ signal });
  return { wrote: [await requestTask(deps, timestamp, 'verify', now)] };
}
