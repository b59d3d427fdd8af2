import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { type DamagedPack, damagedPacksIn } from './damaged-packs.ts';
import { listTimestamps } from './list.ts';
import { lookAtSet, type SetSummary } from './status.ts';

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
  const found: { summary: SetSummary; verdict: Verdict | undefined }[] = [];
  for (const timestamp of (await listTimestamps(deps.store)).reverse()) {
    const set = await lookAtSet(deps, timestamp);
    if (set !== undefined) found.push(set);
  }
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
