import { mapInFlight } from '../../async/each-in-flight.ts';
import type { Deps } from '../deps.ts';
import { type DamagedPack, damagedPacksIn } from './damaged-packs.ts';
import { listTimestamps } from './list.ts';
import { lookAtSet, type SetSummary } from './status.ts';

/** Each set is about five requests, one after the other, and one manifest in memory. */
const SETS_IN_FLIGHT = 8;

/** A row of the list of all sets. */
export interface ListedSet extends SetSummary {
  /** Packs that it uses, and that the check of another set has found damaged. */
  readonly damagedPacks?: readonly DamagedPack[];
}

/**
 * All sets under a root, newest first. A set is as good as its oldest pack: `damaged` also when
 * only the check of another set has found the damage.
 */
export async function describeSets(deps: Deps): Promise<ListedSet[]> {
  const timestamps = (await listTimestamps(deps.store)).reverse();
  const looked = await mapInFlight(timestamps, SETS_IN_FLIGHT, (one) => lookAtSet(deps, one));
  const found = looked.filter((set) => set !== undefined);
  const damaged = damagedPacksIn(
    found.map(({ summary: { timestamp }, verdict }) => ({ timestamp, verdict })),
  );
  const sets: ListedSet[] = [];
  for (const { summary, verdict } of found) {
    const { timestamp, needs, status } = summary;
    const damagedPacks =
      status === 'complete' ? await damaged.usedBy(deps, { timestamp, needs, verdict }) : [];
    sets.push(
      damagedPacks.length === 0 ? summary : { ...summary, status: 'damaged', damagedPacks },
    );
  }
  return sets;
}
