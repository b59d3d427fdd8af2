import type { Overview } from '../../functions/serve/console/api.ts';

type ShownSet = Overview['sets'][number];

/** A database of the root, with its newest complete set. */
export interface ShownDatabase {
  readonly name: string;
  readonly set: ShownSet;
}

/**
 * The databases that have a complete set among those of the overview; first the one that was backed
 * up last. Pure.
 */
export function newestByDatabase(sets: readonly ShownSet[]): ShownDatabase[] {
  const found = new Map<string, ShownSet>();
  for (const set of sets) {
    if (set.sealedAt === undefined || set.state !== 'complete') continue;
    const name = set.database;
    if (!found.has(name)) found.set(name, set);
  }
  return [...found].map(([name, set]) => ({ name, set }));
}
