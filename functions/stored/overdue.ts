import { decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../deps.ts';
import { showsASet } from './is-set.ts';
import { readDocument } from './load.ts';

/** The limit for restores, and for sets whose plan names none. */
export const OVERDUE_AFTER_SECONDS = 3600;

/** What has arrived under a prefix. */
export interface Arrivals {
  /** When the last object was stored; undefined when there is none. */
  readonly last: Date | undefined;
  /** A plan, receipt or manifest is there: the folder is a set. */
  readonly isSet: boolean;
}

export async function arrivalsUnder(deps: Deps, prefix: string): Promise<Arrivals> {
  let last: Date | undefined;
  let isSet = false;
  for await (const { key: text, modifiedAt } of deps.store.list(prefix, { signal: deps.signal })) {
    const key = parseKey(text);
    // A function writes verdicts, so a verdict does not show that a segment is still at work.
    if (key?.kind === 'verdict') continue;
    isSet ||= showsASet(key);
    if (last === undefined || modifiedAt > last) last = modifiedAt;
  }
  return { last, isSet };
}

/** When the last object under a prefix was stored; undefined when there is none. */
export async function lastArrival(deps: Deps, prefix: string): Promise<Date | undefined> {
  return (await arrivalsUnder(deps, prefix)).last;
}

/**
 * Seconds without a new object after which an unsealed set is overdue.
 * @param override replaces what the set's plan says.
 */
export async function overdueLimitSeconds(
  deps: Deps,
  timestamp: string,
  override: number | undefined,
): Promise<number> {
  if (override !== undefined) return override;
  const raw = await readDocument(deps, formatKey({ kind: 'plan', timestamp }));
  if (raw === undefined) return OVERDUE_AFTER_SECONDS;
  try {
    return decode(Plan, raw).overdueAfterSeconds;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return OVERDUE_AFTER_SECONDS;
  }
}

/**
 * True when the store's clock is more than `limitSeconds` after `last`, a time that the store gave.
 * The clock of this host does not count: one that is ahead would end running backups.
 */
export async function isOverdue(
  { store, signal }: Deps,
  last: Date | undefined,
  limitSeconds: number,
): Promise<boolean> {
  if (last === undefined) return true;
  const now = await store.now({ signal });
  return now.getTime() - last.getTime() > limitSeconds * 1000;
}
