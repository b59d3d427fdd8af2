import { mapInFlight } from '../../async/each-in-flight.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { listTimestamps } from './list.ts';

/**
 * Which of these sets have a whole copy at another location: its manifest, which a copy stores
 * last. One LIST per day that has sets there, and one HEAD per set of these that it lists.
 */
export async function copiedTo(
  replica: ObjectStore,
  timestamps: readonly string[],
  { signal }: Pick<Deps, 'signal'>,
): Promise<ReadonlySet<string>> {
  const there = new Set(await listTimestamps(replica, { signal }));
  const begun = timestamps.filter((timestamp) => there.has(timestamp));
  const whole = await mapInFlight(begun, READS_IN_FLIGHT, async (timestamp) => {
    const manifest = await replica.head(formatKey({ kind: 'manifest', timestamp }), { signal });
    return manifest === undefined ? [] : [timestamp];
  });
  return new Set(whole.flat());
}
