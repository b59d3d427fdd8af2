import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey, SETS } from '../../../backup-set/base/keys.ts';
import { RetentionRules } from '../../../backup-set/retention/rules.ts';
import type { Deps } from '../../../functions/deps.ts';
import { runExpiry } from '../../../functions/retention/expire.ts';
import { holdSet, releaseSet } from '../../../functions/retention/hold.ts';
import { planExpiry } from '../../../functions/retention/plan.ts';
import { deleteSet, planDeletion } from '../../../functions/sets/delete.ts';
import type { Stored } from '../chaos-store.ts';
import { completeSets, namedBy } from './invariants.ts';
import type { Lifetime } from './world.ts';

/** `stowage expire --yes` with few sets and a short grace. */
export async function expire(life: Lifetime, deps: Deps): Promise<void> {
  const { random } = life;
  const rules = RetentionRules.parse({
    keepLast: 1 + random.below(3),
    keepFailed: '12h',
    graceHours: random.pick([0, 1, 24]),
  });
  const { removed } = await runExpiry(deps, rules, await planExpiry(deps, rules));
  for (const { neededBy } of removed) if (neededBy.length > 0) life.count('removed set is needed');
}

/** `stowage hold`. A hold that was reported is never overrun. */
export async function hold(life: Lifetime, deps: Deps, timestamp: string): Promise<void> {
  const { held, released, objects } = life;
  await holdSet(deps, timestamp, 'a test');
  if (released.has(timestamp)) return;
  if (objects.has(formatKey({ kind: 'manifest', timestamp }))) held.add(timestamp);
}

export async function release(life: Lifetime, deps: Deps, timestamp: string): Promise<void> {
  life.held.delete(timestamp);
  life.released.add(timestamp);
  await releaseSet(deps, timestamp);
}

/** `stowage delete --yes`, unless it refuses. */
export async function remove(deps: Deps, timestamp: string): Promise<void> {
  const plan = await planDeletion(deps, timestamp);
  if (plan.refusals.length > 0) return;
  try {
    await deleteSet(deps, plan);
  } catch (error) {
    if (!isStowageError(error, 'set/held') && !isStowageError(error, 'set/in-use')) throw error;
  }
}

/**
 * Objects below `sets/` that belong to no set with a manifest, that no such set needs, and that do
 * not say of a needed folder that it is no living set.
 */
export function leftovers(objects: ReadonlyMap<string, Stored>): string[] {
  const sets = completeSets(objects);
  const needed = new Set(sets.flatMap((timestamp) => namedBy(objects, timestamp)));
  const husks = new Set(
    [...needed].flatMap((key) => {
      const parsed = parseKey(key);
      return parsed !== undefined && 'timestamp' in parsed ? [parsed.timestamp] : [];
    }),
  );
  return [...objects.keys()].filter((key) => {
    const parsed = parseKey(key);
    if (!key.startsWith(SETS) || needed.has(key)) return false;
    if (parsed === undefined || !('timestamp' in parsed)) return true;
    const isMark = parsed.kind === 'retention' && husks.has(parsed.timestamp);
    return !isMark && !sets.includes(parsed.timestamp);
  });
}
