import { randomUUID } from 'node:crypto';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Deps } from '../../functions/deps.ts';
import { newestLockRecord } from '../../functions/lock/record.ts';
import { listTimestamps } from '../../functions/sets/list.ts';
import type { DefaultRetention, ObjectLock } from '../../storage/lock.ts';
import type { Check } from './check.ts';

/** Only the newest sets show whether retention is extended now. */
const SETS_CHECKED = 10;

/**
 * Whether packs of older sets stay locked as long as the sets that use them. Without Object Lock
 * there is nothing to check. @param runsHere the functions run in the commands (`inline`).
 */
export async function checkLocks(deps: Deps, runsHere: boolean): Promise<Check[]> {
  const { lock } = deps.store;
  if (lock === undefined) return [];
  const check = { of: 'storage', name: 'Object Lock' };
  try {
    const found = await lock.configuration();
    if (found === undefined) return [];
    if (found.mode === undefined || found.days === undefined)
      return [{ ...check, ok: true, remark: true, detail: 'on, without a default: locks nothing' }];
    const incomplete = await notExtended(deps);
    if (incomplete !== undefined) return [{ ...check, ok: false, detail: incomplete }];
    if (runsHere) await extendProbe(deps, lock, found);
    const how = `${found.mode}, ${plural(found.days, 'day')}`;
    const who = runsHere ? 'these keys extend it for packs of older sets' : 'extended by functions';
    return [{ ...check, ok: true, detail: `${how}; ${who}` }];
  } catch (error) {
    if (!isStowageError(error, 'storage/denied'))
      return [{ ...check, ok: false, detail: messageOf(error) }];
    const detail = `not checked, or not extended: ${messageOf(error)}. In a bucket with Object Lock these keys need s3:GetBucketObjectLockConfiguration, s3:GetObjectRetention and s3:PutObjectRetention, so that packs of older sets stay locked`;
    return [{ ...check, ok: true, remark: true, detail }];
  }
}

/** The newest set whose record says that an object could not be locked. */
async function notExtended(deps: Deps): Promise<string | undefined> {
  const newest = (await listTimestamps(deps.store)).toSorted().reverse().slice(0, SETS_CHECKED);
  for (const timestamp of newest) {
    const record = await newestLockRecord(deps, timestamp);
    if (record?.status !== 'incomplete') continue;
    const { problemsTotal, problems } = record;
    return `set ${timestamp} uses ${plural(problemsTotal, 'object')} that ${problemsTotal === 1 ? 'is' : 'are'} locked for a shorter time than the set, first: ${problems[0]?.message ?? '?'}`;
  }
  return undefined;
}

/** Tries the right on an object of its own. The bucket has locked it anyway. */
async function extendProbe(
  { store }: Deps,
  lock: ObjectLock,
  { mode = 'GOVERNANCE', days = 1 }: DefaultRetention,
): Promise<void> {
  const key = `.probe/${randomUUID()}/locked`;
  await store.create(key, Buffer.from('locked'));
  const minute = 60_000;
  await lock.extendRetention(key, {
    mode,
    until: new Date(Date.now() + days * 1440 * minute + minute),
  });
  await store.delete([key]);
}
