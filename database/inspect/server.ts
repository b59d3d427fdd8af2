import { count, plural } from '../../backup-set/base/words.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';

const CLOCK_OFF_MS_MAX = 60_000;
/** The holder locks every relation, and so does pg_dump; the rest is for other sessions. */
const LOCKS_PER_RELATION = 3;

/** Whether the lock table, which all sessions share, has room for the locks of a backup. */
export async function checkLockTable(session: Session): Promise<ServerCheck> {
  const [row] = await session.query<{ room: number; relations: number; perTransaction: number }>(
    `SELECT current_setting('max_locks_per_transaction')::int AS "perTransaction",
            current_setting('max_locks_per_transaction')::int *
              (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS room,
            (SELECT count(*)::int FROM pg_class WHERE relkind IN ('r', 'p', 'S', 'v', 'm', 'f') AND oid >= 16384) AS relations`,
  );
  const { room = 0, relations = 0, perTransaction = 0 } = row ?? {};
  const needed = relations * LOCKS_PER_RELATION;
  const ok = needed <= room;
  const detail = `${plural(relations, 'relation')} ${relations === 1 ? 'needs' : 'need'} ${plural(needed, 'lock')}; there is room for ${count(room)} (max_locks_per_transaction ${perTransaction})`;
  const advice = ok ? '' : '. Raise max_locks_per_transaction, and restart the server';
  return { name: 'lock table', ok, detail: `${detail}${advice}` };
}

/** Sessions of another backup or restore, or of one that was killed. Never a failure. */
export async function checkOtherSessions(session: Session): Promise<ServerCheck> {
  const rows = await session.query<{ pid: number; application: string }>(
    `SELECT pid, application_name AS application FROM pg_stat_activity
     WHERE application_name LIKE 'stowage %' AND pid <> pg_backend_pid() ORDER BY backend_start LIMIT 20`,
  );
  const detail =
    rows.length === 0
      ? 'none'
      : rows.map(({ pid, application }) => `pid ${pid} ${application}`).join(', ');
  return { name: 'other stowage sessions', ok: true, detail };
}

/** Sets are named by time: with a clock that is far off, a set is sorted into the wrong place. */
export async function checkClock(session: Session, clock: () => Date): Promise<ServerCheck> {
  const before = clock().getTime();
  const [row] = await session.query<{ ms: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  );
  const ours = (before + clock().getTime()) / 2;
  const off = Math.round((row?.ms ?? 0) - ours);
  return {
    name: 'clock',
    ok: Math.abs(off) <= CLOCK_OFF_MS_MAX,
    detail: `${Math.abs(off)} ms ${off < 0 ? 'behind' : 'ahead of'} this host`,
  };
}
