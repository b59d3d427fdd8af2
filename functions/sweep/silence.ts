import { decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import type { Deps } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { OVERDUE_AFTER_SECONDS, type SweepOptions } from './report.ts';

/** When the last object under a prefix was stored; undefined when there is none. */
export async function lastArrival(deps: Deps, prefix: string): Promise<Date | undefined> {
  let newest: Date | undefined;
  for await (const { key, modifiedAt } of deps.store.list(prefix, { signal: deps.signal })) {
    // What we say about a set is no sign of life of its segments.
    if (parseKey(key)?.kind === 'verdict') continue;
    if (newest === undefined || modifiedAt > newest) newest = modifiedAt;
  }
  return newest;
}

/** Silence in seconds after which an unsealed set is overdue. */
export async function overdueAfterMs(
  deps: Deps,
  timestamp: string,
  { overdueAfterSeconds }: SweepOptions,
): Promise<number> {
  if (overdueAfterSeconds !== undefined) return overdueAfterSeconds;
  const raw = await readDocument(deps, formatKey({ kind: 'plan', timestamp }));
  if (raw === undefined) return OVERDUE_AFTER_SECONDS;
  try {
    return decode(Plan, raw).overdueAfterSeconds;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return OVERDUE_AFTER_SECONDS;
  }
}

export function isOverdue(deps: Deps, last: Date | undefined, seconds: number): boolean {
  return last === undefined || deps.clock().getTime() - last.getTime() > seconds * 1000;
}
