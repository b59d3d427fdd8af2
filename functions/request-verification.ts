import { formatKey } from '../backup-set/keys.ts';
import { callOptions, type Deps, type Handled, NOTHING } from './deps.ts';
import { verdictKeys, verdictLevel } from './load.ts';
import { newestSets } from './newest.ts';
import { isUnderWay, requestTask } from './tasks.ts';

/** On a schedule: asks for the newest committed set to be read again, unless it was read, or is being read. */
export async function requestVerification(deps: Deps): Promise<Handled> {
  for await (const timestamp of newestSets(deps)) {
    const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }), callOptions(deps));
    if (manifest === undefined) continue;
    const wasRead = (await verdictKeys(deps, timestamp)).some((key) => verdictLevel(key) === 'verify');
    if (wasRead || (await isUnderWay(deps, timestamp, 'verify'))) return NOTHING;
    return { wrote: [await requestTask(deps, timestamp, 'verify', deps.clock())] };
  }
  return NOTHING;
}
