import { mapInFlight } from '../../async/each-in-flight.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { apart } from '../stored/unreadable.ts';
import { type DamagedPack, damagedPacksIn } from './damaged-packs.ts';
import { listTimestamps } from './list.ts';
import { lookAtSet, type SetSummary } from './status.ts';

/** Each set is about five requests, one after the other, and one manifest in memory. */
const SETS_IN_FLIGHT = 8;

/** A row of the list of all sets. */
export interface ListedSet extends Omit<SetSummary, 'status'> {
  /** `unknown`: the store withholds a document of it that says more. */
  readonly status: SetSummary['status'] | 'unknown';
  /** Of an `unknown` set: why the store does not give the object away. */
  readonly unreadable?: string;
  /** Packs that it uses, and that the check of another set has found damaged. */
  readonly damagedPacks?: readonly DamagedPack[];
}

/**
 * All sets under a root, newest first. A set is as good as its oldest pack: `damaged` also when
 * only the check of another set has found the damage. A set is `unknown` when the store withholds a
 * document of it that says more.
 */
export async function describeSets(deps: Deps): Promise<ListedSet[]> {
  const timestamps = (await listTimestamps(deps.store)).reverse();
  const looked = await mapInFlight(timestamps, SETS_IN_FLIGHT, (one) => lookApart(deps, one));
  const found = looked.filter((set) => set !== undefined);
  const damaged = damagedPacksIn(
    found.map(({ summary: { timestamp }, verdict }) => ({ timestamp, verdict })),
  );
  const sets: ListedSet[] = [];
  for (const { summary, verdict } of found) {
    const { timestamp, needs, status } = summary;
    const judged = async (): Promise<ListedSet> => {
      if (status !== 'complete') return summary;
      const damagedPacks = await damaged.usedBy(deps, { timestamp, needs, verdict });
      return damagedPacks.length === 0 ? summary : { ...summary, status: 'damaged', damagedPacks };
    };
    const what = `the packs that set ${timestamp} uses cannot be looked at`;
    sets.push(
      await apart(deps, what, judged, ({ message: unreadable }) => ({
        ...summary,
        status: 'unknown',
        unreadable,
      })),
    );
  }
  return sets;
}

/** A set that `describeSet` cannot look at is listed as `unknown`. */
export async function describeApart(deps: Deps, timestamp: string): Promise<ListedSet | undefined> {
  return (await lookApart(deps, timestamp))?.summary;
}

function lookApart(deps: Deps, timestamp: string) {
  return apart<{ summary: ListedSet; verdict: Verdict | undefined } | undefined>(
    deps,
    `set ${timestamp} cannot be looked at`,
    () => lookAtSet(deps, timestamp),
    ({ message }) => ({ summary: unknownSet(timestamp, message), verdict: undefined }),
  );
}

function unknownSet(timestamp: string, unreadable: string): ListedSet {
  return {
    ...{ timestamp, status: 'unknown', unreadable, tags: [], needs: [] },
    ...{ database: undefined, cluster: undefined, chosen: undefined, selection: undefined },
    ...{ encrypted: undefined, group: undefined, retention: undefined, totals: undefined },
    ...{ elapsedMs: undefined, verdict: undefined, verified: undefined, drill: undefined },
  };
}
