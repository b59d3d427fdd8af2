import type { Random } from '../../chaos/random.ts';
import type { Catalog, ModelTable } from '../schema.ts';

/** What a change of the world can choose from. */
export interface Scene extends Catalog {
  readonly random: Random;
  /** A number that no other change of this world has. */
  readonly salt: number;
  table(isWanted?: (table: ModelTable) => boolean): ModelTable;
}

/** Statements that one connection runs in order. An error ends them, and the world goes on. */
export interface Change {
  readonly name: string;
  readonly weight: number;
  sql(scene: Scene): readonly string[];
}

export function pickWeighted<T extends { readonly weight: number }>(
  random: Random,
  list: readonly T[],
): T {
  let left = random.below(list.reduce((sum, { weight }) => sum + weight, 0));
  for (const item of list) {
    left -= item.weight;
    if (left < 0) return item;
  }
  throw new Error('nothing to pick from');
}

export function sceneOf(random: Random, catalog: Catalog, salt: number): Scene {
  return {
    ...catalog,
    random,
    salt,
    table: (isWanted = () => true) => {
      const wanted = catalog.tables.filter(isWanted);
      return random.pick(wanted.length === 0 ? catalog.tables : wanted);
    },
  };
}
