import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import type { DefaultRetention, ObjectLock } from '../../storage/lock.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { extendAll } from '../lock/extend-all.ts';
import { writeLockRecord } from '../lock/record.ts';
import { lockTarget } from '../lock/target.ts';
import { neededPacks } from '../sets/needed-packs.ts';

/**
 * Called after a set was committed: packs of older sets that it uses stay locked as long as the set
 * itself (docs/design/0025-object-lock.md). May be called any number of times.
 */
export async function extendRetention(deps: Deps, timestamp: string): Promise<JobResult> {
  const { store, lockDays, signal } = deps;
  if (store.lock === undefined) return NOTHING_WRITTEN;
  const manifest = await store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
  if (manifest === undefined) return NOTHING_WRITTEN;
  const older = await packsOfOlderSets(deps, timestamp);
  if (older === undefined || (older.length === 0 && lockDays === undefined)) return NOTHING_WRITTEN;
  const configured = await configurationOf(deps, store.lock, timestamp);
  const target = lockTarget(manifest.modifiedAt, configured, lockDays);
  const ended = target !== undefined && target.until <= (await store.now({ signal }));
  if (target === undefined || ended) return NOTHING_WRITTEN;
  const keys = objectsToLock(deps, timestamp, older);
  const done = await extendAll(store.lock, keys, target, { signal });
  const { objects, extended, problems } = done;
  const fields = { set: timestamp, until: target.until, objects, extended };
  if (problems.length === 0) deps.log.info(fields, 'retention extended');
  else
    deps.log.warn(
      { ...fields, problems: problems.length, first: problems[0]?.message },
      `retention of ${problems.length} of ${objects} objects that set ${timestamp} uses was not extended`,
    );
  return { wrote: await writeLockRecord(deps, timestamp, target, done) };
}

/** Undefined for a set that was deleted meanwhile or is damaged: validate says so. */
async function packsOfOlderSets(deps: Deps, timestamp: string): Promise<string[] | undefined> {
  try {
    return (await neededPacks(deps, timestamp)).map(({ key }) => key);
  } catch (error) {
    if (!isStowageError(error, 'set/damaged')) throw error;
    deps.log.warn({ err: error, set: timestamp }, 'retention not extended: the set is damaged');
    return undefined;
  }
}

/** Keys without the right to read the configuration extend nothing: doctor says so. */
async function configurationOf(
  { log, signal }: Deps,
  lock: ObjectLock,
  set: string,
): Promise<DefaultRetention | undefined> {
  try {
    return await lock.configuration({ signal });
  } catch (error) {
    if (!isStowageError(error, 'storage/denied')) throw error;
    log.warn(
      { set },
      `set ${set} uses packs of older sets, and these keys may not read whether the bucket locks objects: if it does, the older packs are locked for a shorter time (the right s3:GetBucketObjectLockConfiguration)`,
    );
    return undefined;
  }
}

/** With `lockDays` also what the set wrote: the bucket has locked it for its own default only. */
async function* objectsToLock(
  { store, lockDays, signal }: Deps,
  timestamp: string,
  older: readonly string[],
): AsyncGenerator<string> {
  yield* older;
  if (lockDays === undefined) return;
  for await (const { key } of store.list(setPrefix(timestamp), { signal }))
    if (parseKey(key) !== undefined && parseKey(key)?.kind !== 'lock-record') yield key;
}
