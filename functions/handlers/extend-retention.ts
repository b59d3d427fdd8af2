import { formatKey, parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { lockConfiguration } from '../lock/configuration.ts';
import { extendAll } from '../lock/extend-all.ts';
import { olderObjects } from '../lock/older-objects.ts';
import { writeLockRecord } from '../lock/record.ts';
import { lockTarget } from '../lock/target.ts';

/**
 * Called after a set was committed: packs of older sets that it uses, and the keys of these sets,
 * stay locked as long as the set itself (docs/design/0025-object-lock.md). May be called any number
 * of times.
 */
export async function extendRetention(deps: Deps, timestamp: string): Promise<JobResult> {
  const { store, lockDays, signal } = deps;
  if (store.lock === undefined) return NOTHING_WRITTEN;
  const manifest = await store.head(formatKey({ kind: 'manifest', timestamp }), { signal });
  if (manifest === undefined) return NOTHING_WRITTEN;
  const older = await olderObjects(deps, timestamp);
  if (older === undefined || (older.length === 0 && lockDays === undefined)) return NOTHING_WRITTEN;
  const configured = await lockConfiguration(
    deps,
    `retention of packs that set ${timestamp} uses not extended`,
  );
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
