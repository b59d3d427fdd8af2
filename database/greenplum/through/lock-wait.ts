import { pause } from '../../../async/poll.ts';
import { readLockWait } from '../../barrier/locks.ts';
import type { GreenplumVersion } from '../topology.ts';
import { traitsOf } from '../versions.ts';

/** An ordinary session asks every segment for its locks, so it asks rarely. */
const ASK_EVERY_MS = 200;

/** How a lock wait is explained without a utility session. */
export function ordinaryLockWait(version: GreenplumVersion): typeof readLockWait {
  const { lockWait = readLockWait } = traitsOf(version);
  return async (monitor, pid) => {
    await pause(ASK_EVERY_MS);
    return lockWait(monitor, pid);
  };
}
