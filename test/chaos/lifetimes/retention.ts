import { parseKey, SETS } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import type { Stored } from '../chaos-store.ts';
import { completeSets, namedBy } from './invariants.ts';
import type { Lifetime } from './world.ts';

export async function expire(_life: Lifetime, _deps: Deps): Promise<void> {}

export async function hold(_life: Lifetime, _deps: Deps, _timestamp: string): Promise<void> {}

export async function release(_life: Lifetime, _deps: Deps, _timestamp: string): Promise<void> {}

/** `stowage delete --yes`, unless it refuses. */
export async function remove(deps: Deps, timestamp: string): Promise<void> {
  const plan = await planDeletion(deps, timestamp);
  if (plan.neededBy.length > 0) return;
  await deleteSet(deps, plan);
}

/** Objects below `sets/` that belong to no set with a manifest, and that no such set needs. */
export function leftovers(objects: ReadonlyMap<string, Stored>): string[] {
  const sets = completeSets(objects);
  const needed = new Set(sets.flatMap((timestamp) => namedBy(objects, timestamp)));
  return [...objects.keys()].filter((key) => {
    const parsed = parseKey(key);
    if (!key.startsWith(SETS) || needed.has(key)) return false;
    return parsed === undefined || !('timestamp' in parsed) || !sets.includes(parsed.timestamp);
  });
}
