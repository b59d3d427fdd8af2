import { parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import { earlier } from '../../backup-set/retention/duration.ts';
import type { Deps } from '../deps.ts';
import type { SetFacts } from './facts.ts';

/**
 * Folders that are no sets and never will be: only marks, which a program wrote just after the set
 * was removed; or objects in a folder in which nothing was stored for `keepFailed`. A younger one
 * can be a copy that has not stored its plan yet.
 */
export async function deadGhosts(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  keepFailed: string,
): Promise<string[]> {
  const ghosts = [...facts.values()].filter(({ isGhost }) => isGhost === true);
  if (ghosts.length === 0) return [];
  const limit = earlier(await deps.store.now({ signal: deps.signal }), keepFailed);
  const dead: string[] = [];
  for (const { timestamp } of ghosts)
    if (await isDead(deps, timestamp, limit)) dead.push(timestamp);
  return dead;
}

/** Some stores list folders without objects: these are not called dead. */
async function isDead(deps: Deps, timestamp: string, limit: Date): Promise<boolean> {
  let [objects, others, isYoung] = [0, 0, false];
  const options = { signal: deps.signal };
  for await (const { key, modifiedAt } of deps.store.list(setPrefix(timestamp), options)) {
    objects += 1;
    if (parseKey(key)?.kind !== 'retention') others += 1;
    isYoung ||= modifiedAt > limit;
  }
  return objects > 0 && (others === 0 || !isYoung);
}
