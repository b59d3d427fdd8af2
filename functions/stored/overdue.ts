import { decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from './load.ts';

/** The limit for restores, and for sets whose plan names none. */
export const OVERDUE_AFTER_SECONDS = 3600;

/** When the last object under a prefix was stored; undefined when there is none. */
export async function lastArrival(deps: Deps, prefix: string): Promise<Date | undefined> {
  let newest: Date | undefined;
  for await (const { key, modifiedAt } of deps.store.list(prefix, { signal: deps.signal })) {
    // A function writes verdicts, so a verdict does not show that a segment is still at work.
    if (parseKey(key)?.kind === 'verdict') continue;
    if (newest === undefined || modifiedAt > newest) newest = modifiedAt;
  }
  return newest;
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
