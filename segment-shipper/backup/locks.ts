import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { BACKUP_ADVICE, SERVER_LATER_MS } from '../../database/lock-watch/terms.ts';
import type { LockWatch } from '../../database/lock-watch/watch.ts';
import type { BackupJob } from '../protocol/control.ts';

/** For jobs of a coordinator that does not say how long a lock may be awaited. */
const LOCK_WAIT_MS = 20_000;

/** What the names of all sessions begin with that ship this job, those of pg_dump included. */
export function labelOf({ timestamp, content }: BackupJob): string {
  return `stowage backup ${timestamp} content ${content}`;
}

/** When the server itself ends a wait for a lock, in case the watch cannot connect. */
export function serverLockTimeoutMs(job: BackupJob): number {
  return lockWaitMs(job) + SERVER_LATER_MS;
}

/**
 * The coordinator's snapshot keeps every table locked. A TRUNCATE or ALTER that waits for that lock
 * makes our own sessions wait, and all others, for as long as the backup runs.
 */
export function backupWatch(job: BackupJob, toRead: readonly QualifiedName[]): LockWatch {
  return {
    own: { name: labelOf(job) },
    limitMs: lockWaitMs(job),
    toRead: () => toRead,
    advice: BACKUP_ADVICE,
  };
}

const lockWaitMs = ({ lockWaitMs }: BackupJob) => lockWaitMs ?? LOCK_WAIT_MS;
