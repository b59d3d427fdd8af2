/** The settings that give the lock table its size when the server starts. */
export const LOCK_SETTINGS = [
  'max_locks_per_transaction',
  'max_connections',
  'max_prepared_transactions',
  'autovacuum_max_workers',
  'max_worker_processes',
  'max_wal_senders',
] as const;
export type LockSettings = Readonly<Record<(typeof LOCK_SETTINGS)[number], number>>;

/** The autovacuum launcher, which has a place of its own. */
const LAUNCHERS = 1;
/**
 * The table grows into the spare shared memory of the server, and then a statement fails. Measured:
 * 12,750 locks on a server with room for 7,808. Above this bound, every server fails.
 */
const GROWTH = 1.6;
const SPARE_LOCKS = 1_500;
/** Added to the setting that a message proposes: other sessions need locks too. */
const MARGIN = 1.2;

export interface LockRoom {
  /** Locks that the restore holds at the same time, in one transaction. */
  readonly needed: number;
  /** Locks for which the server has reserved memory. */
  readonly room: number;
  /** `tight`: it may fail, after all of the transaction's work. `none`: it cannot succeed. */
  readonly verdict: 'enough' | 'tight' | 'none';
  readonly setting: number;
  /** A value of max_locks_per_transaction with enough room. */
  readonly settingNeeded: number;
}

export function lockRoom(needed: number, settings: LockSettings): LockRoom {
  const backends =
    settings.max_connections +
    settings.max_prepared_transactions +
    settings.autovacuum_max_workers +
    settings.max_worker_processes +
    settings.max_wal_senders +
    LAUNCHERS;
  const setting = settings.max_locks_per_transaction;
  const room = setting * backends;
  return {
    needed,
    room,
    verdict: needed <= room ? 'enough' : needed <= room * GROWTH + SPARE_LOCKS ? 'tight' : 'none',
    setting,
    settingNeeded: Math.max(setting, Math.ceil((needed * MARGIN) / backends)),
  };
}
