import { mapInFlight } from '../../async/each-in-flight.ts';
import type { Deps } from '../deps.ts';
import { neededPacksOf } from './needed.ts';
import { type ExpiryPlan, isRemovable } from './plan.ts';
import { measureRemoval, type Removal } from './remove.ts';

const FOLDERS_IN_FLIGHT = 8;

/** What would be freed when the sets that go are removed. */
export interface MeasuredSet extends Removal {
  readonly timestamp: string;
  /** Sets that stay and need packs of it. */
  readonly neededBy: readonly string[];
  /** `now`: its grace is over. `later`: after the grace of its tombstone. */
  readonly when: 'now' | 'later';
}

/** Lists the folders of all sets that go, and reads which of their packs others need. */
export async function measureExpiry(deps: Deps, plan: ExpiryPlan): Promise<MeasuredSet[]> {
  const later = plan.decisions.filter(({ keptBy }) => keptBy.length === 0);
  const ready = plan.expired.filter((set) => isRemovable(set, plan.now));
  const waiting = plan.expired.filter((set) => !ready.includes(set));
  const now = [...plan.removing, ...ready.map(({ timestamp }) => timestamp)];
  const all = [...now, ...[...waiting, ...later].map(({ timestamp }) => timestamp)].sort();
  const needed = await neededPacksOf(deps, plan.facts, new Set(all));
  return mapInFlight(all, FOLDERS_IN_FLIGHT, async (timestamp) => ({
    timestamp,
    ...(await measureRemoval(deps, timestamp, needed)),
    neededBy: needed.neededBy(timestamp),
    when: now.includes(timestamp) ? ('now' as const) : ('later' as const),
  }));
}
