import { crc32 } from 'node:zlib';
import { poll } from '../../async/poll.ts';
import type { StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { openMaintenanceSession } from '../session/maintenance.ts';
import type { Session } from '../session/session.ts';
import { restoreRefused } from './refused.ts';

/**
 * Advisory locks that keep a second restore away from a database. Both are held in a maintenance
 * database, because the target may not exist yet, outside a transaction, so that they do not hold
 * back vacuum. The server releases them when it notices the end of their session.
 */
const CLASSES = { coordinator: 0x53544f57, worker: 0x53544f58 } as const;
type LockClass = keyof typeof CLASSES;

/** A server notices the end of a killed process only after a moment. */
const LOCK_MS_MAX = 2_000;
const LOCK_POLL_MS = 100;

/** With the system's default, a server would notice a dead host after two hours. */
const KEEPALIVES = `SELECT pg_catalog.set_config(name, value, false)
  FROM (VALUES ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'),
    ('tcp_keepalives_count', '3')) AS wanted(name, value)`;

interface Holder {
  readonly pid: number;
  readonly application: string;
  /** Null when the role may not see it. */
  readonly since: string | null;
}

/**
 * Locks the target's database for the coordinator of a restore, for the life of the session.
 * @throws StowageError `restore/refused` naming the session of another restore, or of an order that
 * an earlier restore has left running; otherwise as `openSession`.
 */
export async function lockForRestore(
  target: ConnectionTarget,
  restore: string,
  signal: AbortSignal,
): Promise<Session> {
  return lockedSession(target, coordinatorName(restore), signal, async (session) => {
    const isLocked = await poll(
      async () => (await tryLock(session, 'coordinator', target, 'exclusive')) || undefined,
      { everyMs: LOCK_POLL_MS, timeoutMs: LOCK_MS_MAX, signal },
    );
    if (isLocked !== true) {
      const found = await holders(session, 'coordinator', target);
      const isOwn = found.some(({ application }) => application === coordinatorName(restore));
      const why = isOwn
        ? 'another content of this restore has the same server and database'
        : 'another restore into it is running';
      throw heldBy(target, why, found);
    }
    // In this order: an order takes its lock first, and looks for its coordinator afterwards.
    let working: Holder[] = [];
    const isIdle = await poll(
      async () => {
        working = await holders(session, 'worker', target);
        return working.length === 0 || undefined;
      },
      { everyMs: LOCK_POLL_MS, timeoutMs: LOCK_MS_MAX, signal },
    );
    if (isIdle !== true)
      throw heldBy(target, 'an order of an earlier restore still runs in it', working);
  });
}

/**
 * Locks the target's database for one order, for the life of the session. Orders of one restore
 * share this lock.
 * @throws StowageError `restore/refused` when the coordinator of the restore does not hold its own
 * lock any more: another restore may have changed the database since.
 */
export async function lockForOrder(
  target: ConnectionTarget,
  { restore, phase }: { readonly restore: string; readonly phase: string },
  signal: AbortSignal,
): Promise<Session> {
  const applicationName = `${coordinatorName(restore)} ${phase} ${target.content ?? ''}`.trimEnd();
  return lockedSession(target, applicationName, signal, async (session) => {
    if (!(await tryLock(session, 'worker', target, 'shared'))) {
      const found = await holders(session, 'worker', target);
      throw heldBy(target, 'a session that is not an order holds the lock of its orders', found);
    }
    const coordinators = await holders(session, 'coordinator', target);
    if (coordinators.some(({ application }) => application === coordinatorName(restore))) return;
    const message = `restore ${restore} no longer holds the lock on ${placeOf(target)}, because its \`stowage restore\` has ended or lost its connection: the order was not carried out`;
    if (coordinators.length === 0) throw restoreRefused(target, message, undefined);
    throw restoreRefused(
      target,
      `${message}. The lock is now held by ${describe(coordinators)}`,
      undefined,
    );
  });
}

/** Compared with pg_stat_activity: it must be shorter than the 63 bytes that the server keeps. */
const coordinatorName = (restore: string) => `stowage restore ${restore}`;

async function lockedSession(
  target: ConnectionTarget,
  applicationName: string,
  signal: AbortSignal,
  lock: (session: Session) => Promise<void>,
): Promise<Session> {
  const options = { purpose: 'restore', applicationName, signal } as const;
  const session = await openMaintenanceSession(target, options);
  try {
    await session.query(KEEPALIVES);
    await lock(session);
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function tryLock(
  session: Session,
  lockClass: LockClass,
  { database }: ConnectionTarget,
  mode: 'exclusive' | 'shared',
): Promise<boolean> {
  const name = mode === 'shared' ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock';
  const [row] = await session.query<{ locked: boolean }>(
    `SELECT pg_catalog.${name}($1, $2) AS locked`,
    [CLASSES[lockClass], keyOf(database)],
  );
  return row?.locked === true;
}

/** The sessions that hold a lock, in the order of their process ids. */
function holders(
  session: Session,
  lockClass: LockClass,
  { database }: ConnectionTarget,
): Promise<Holder[]> {
  return session.query<{ pid: number; application: string; since: string | null }>(
    `SELECT l.pid, coalesce(a.application_name, '') AS application,
       to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
     FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted
       AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
     ORDER BY l.pid`,
    [CLASSES[lockClass], keyOf(database)],
  );
}

/** Two names with one key only exclude restores that could run together. */
const keyOf = (database: string) => crc32(database) & 0x7fffffff;

function heldBy(target: ConnectionTarget, why: string, sessions: readonly Holder[]): StowageError {
  const message = `cannot restore into ${placeOf(target)}: ${why} (${describe(sessions)}). Wait until it has ended, or end that session with pg_terminate_backend`;
  return restoreRefused(target, message, undefined);
}

function placeOf({ content, host, port, database }: ConnectionTarget): string {
  return `database ${database} on ${content === undefined ? '' : `content ${content} `}(${host}:${port})`;
}

function describe(sessions: readonly Holder[]): string {
  if (sessions.length === 0) return 'its session has just ended';
  return sessions
    .map(
      ({ pid, application, since }) =>
        `process ${pid}, "${application}"${since === null ? '' : `, connected since ${since}`}`,
    )
    .join('; ');
}
