import { mapInFlight } from '../../async/each-in-flight.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { TableNumbers } from '../../backup-set/numbers/tables.ts';
import type { Deps } from '../deps.ts';
import { retentionOf } from '../retention/marks.ts';
import { retentionText, type SetRetention } from '../sets/status.ts';
import { verdictInForce } from '../stored/judgement.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { apart } from '../stored/unreadable.ts';
import type { LookedAt } from './manifests.ts';
import { lookForTables, type TableSearch } from './tables.ts';

/** A set that holds tables of the pattern. */
export interface HoldingSet {
  readonly timestamp: string;
  readonly takenAt: string;
  readonly database: string;
  readonly cluster: string;
  readonly tables: readonly TableNumbers[];
  /**
   * Of the newest verdict; undefined: no function has checked the set yet. `unknown`: the store
   * withholds a verdict or mark of the set.
   */
  readonly status: Verdict['status'] | 'unknown' | undefined;
  /** Undefined = it lives, and is not held. */
  readonly retention: SetRetention | undefined;
}

export interface FoundTables extends Omit<LookedAt<unknown>, 'sets'> {
  /** Newest first. */
  readonly sets: readonly HoldingSet[];
}

/**
 * The sets that hold rows of the tables that a pattern names, and whether they are intact. One GET
 * per set; per set that holds one, two LISTs and a GET per level of verdict.
 */
export async function findTables(
  deps: Deps,
  pattern: string,
  search: TableSearch = {},
): Promise<FoundTables> {
  const { sets, ...rest } = await lookForTables(deps, pattern, search);
  const those = sets.filter(({ tables }) => tables.length > 0).toReversed();
  const described = await mapInFlight(those, READS_IN_FLIGHT, async (set) => {
    const { timestamp, takenAt, database, cluster, tables } = set;
    const holding = { timestamp, takenAt, database, cluster, tables };
    const look = async (): Promise<HoldingSet[]> => {
      const found = await retentionOf(deps, timestamp);
      const verdict = await verdictInForce(deps, timestamp, { isCommitted: true });
      const state = { status: verdict?.status, retention: retentionText(found) };
      return found.state === 'removing' ? [] : [{ ...holding, ...state }];
    };
    return apart(deps, `whether set ${timestamp} is intact is not known`, look, () => [
      { ...holding, status: 'unknown' as const, retention: undefined },
    ]);
  });
  return { sets: described.flat(), ...rest };
}
