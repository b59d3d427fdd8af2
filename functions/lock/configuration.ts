import { isStowageError } from '../../backup-set/base/errors.ts';
import type { DefaultRetention } from '../../storage/lock.ts';
import type { Deps } from '../deps.ts';

/**
 * The default retention of the bucket; undefined without Object Lock, and for keys that may not
 * read it: `what` says in the log what is not done then. `stowage doctor` says it, too.
 */
export async function lockConfiguration(
  { store, log, signal }: Deps,
  what: string,
): Promise<DefaultRetention | undefined> {
  try {
    return await store.lock?.configuration({ signal });
  } catch (error) {
    if (!isStowageError(error, 'storage/denied')) throw error;
    log.warn(
      `${what}: these keys may not read whether the bucket locks objects (the right s3:GetBucketObjectLockConfiguration)`,
    );
    return undefined;
  }
}
