import { decode, encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, locksPrefix } from '../../backup-set/base/keys.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import { LockRecord } from '../../backup-set/documents/locks.ts';
import type { Retention } from '../../storage/lock.ts';
import type { Deps } from '../deps.ts';
import { listKeys, readDocument } from '../stored/load.ts';
import { noteUnreadable } from '../stored/unreadable.ts';
import type { Extended } from './extend-all.ts';

/** The newest record of a set; undefined when there is none, or it cannot be read. */
export async function newestLockRecord(
  deps: Deps,
  timestamp: string,
): Promise<LockRecord | undefined> {
  const newest = (await listKeys(deps, locksPrefix(timestamp), ['lock-record'])).at(-1);
  const raw = newest && (await readDocument(deps, newest.key));
  if (raw === undefined) return undefined;
  try {
    return decode(LockRecord, raw);
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    noteUnreadable(deps, error, 'record of locks ignored, it cannot be read');
    return undefined;
  }
}

/** Writes a record, unless the newest one says the same. @returns the key that was written. */
export async function writeLockRecord(
  deps: Deps,
  timestamp: string,
  { mode, until }: Retention,
  { objects, extended, problems }: Extended,
): Promise<string[]> {
  const at = await deps.store.now({ signal: deps.signal });
  const record = LockRecord.parse({
    format: 'stowage/locks',
    version: FORMAT_VERSION,
    timestamp,
    at: at.toISOString(),
    status: problems.length === 0 ? 'complete' : 'incomplete',
    until: until.toISOString(),
    mode,
    objects,
    extended,
    ...boundedProblems(problems.toSorted((a, b) => ((a.object ?? '') < (b.object ?? '') ? -1 : 1))),
  } satisfies LockRecord);
  const newest = await newestLockRecord(deps, timestamp);
  if (newest !== undefined && saysTheSame(newest, record)) return [];
  const key = formatKey({ kind: 'lock-record', timestamp, instant: instantOf(at) });
  try {
    await deps.store.create(key, encode(LockRecord, record), { signal: deps.signal });
  } catch (error) {
    // Two runs in the same millisecond found the same.
    if (isStowageError(error, 'storage/exists')) return [];
    throw error;
  }
  return [key];
}

/** Except for its time, and how much of the work an earlier run had done. */
function saysTheSame(one: LockRecord, other: LockRecord): boolean {
  const text = ({ status, until, objects, problemsTotal, problems }: LockRecord) =>
    JSON.stringify({ status, until, objects, problemsTotal, problems });
  return text(one) === text(other);
}
