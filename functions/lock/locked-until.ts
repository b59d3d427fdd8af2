import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { DefaultRetention, ObjectLock } from '../../storage/lock.ts';
import type { Deps } from '../deps.ts';
import { lockConfiguration } from './configuration.ts';
import { lockTarget } from './target.ts';

/** Why the objects of a set cannot be removed yet. */
export interface SetLock {
  /** When the retention of its manifest ends; absent = a legal hold, which has no end. */
  readonly until?: Date;
}

/**
 * Looks at the locks of sets, before they are removed. The manifest of a set is its youngest
 * object, so its lock ends last. Costs nothing in a store without locks, and two small requests per
 * set in others.
 */
export async function locksOf(
  deps: Deps,
  timestamps: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, SetLock>> {
  const locks = new Map<string, SetLock>();
  const { lock } = deps.store;
  if (lock === undefined || timestamps.length === 0) return locks;
  const configured = await lockConfiguration(
    deps,
    'sets are removed without a look at their locks',
  );
  if (configured === undefined) return locks;
  for (const timestamp of timestamps) {
    deps.signal?.throwIfAborted();
    const found = await lockOf(deps, lock, timestamp, configured);
    const isLocked = found !== undefined && (found.until === undefined || found.until > now);
    if (isLocked) locks.set(timestamp, found);
  }
  return locks;
}

async function lockOf(
  { store, signal, log }: Deps,
  lock: ObjectLock,
  timestamp: string,
  configured: DefaultRetention,
): Promise<SetLock | undefined> {
  const key = formatKey({ kind: 'manifest', timestamp });
  const manifest = await store.head(key, { signal });
  if (manifest === undefined) return undefined;
  try {
    if (await lock.legalHold(key, { signal })) return {};
    // versitygw shows no retention of an object that only the default of its bucket protects.
    const own = await lock.retention(key, { signal });
    const until = (own ?? lockTarget(manifest.modifiedAt, configured))?.until;
    return until && { until };
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    if (!isStowageError(error, 'storage/denied')) throw error;
    log.warn({ err: error, set: timestamp }, 'set removed without a look at its lock');
    return undefined;
  }
}
