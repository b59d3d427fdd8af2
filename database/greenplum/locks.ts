import { type AwaitedRelation, type LockWait, lockWaitOf } from '../barrier/locks.ts';
import { conflictingModes } from '../barrier/modes.ts';
import type { Session } from '../session/session.ts';

/**
 * As `readLockWait`, on Greenplum 6, which has no pg_blocking_pids: the sessions whose lock on the
 * relation conflicts with the awaited one. For ACCESS SHARE these are also sessions that wait
 * before it.
 */
export async function readGreenplumLockWait(
  monitor: Session,
  waitingPid: number,
): Promise<LockWait | undefined> {
  // An ordinary session of a coordinator also lists the locks of the segments.
  const isOwn = monitor.target.ordinaryOnly === true ? 'w.gp_segment_id = -1' : 'true';
  const rows = await monitor.query<LockWait['blockers'][number] & AwaitedRelation>(
    `SELECT coalesce(h.pid, 0) AS pid, coalesce(a.usename, '') AS user, coalesce(a.application_name, '') AS application,
            coalesce(a.state, CASE WHEN h.pid IS NULL THEN 'prepared transaction'
              WHEN a.pid IS NOT NULL THEN 'state not visible to this role' ELSE '' END) AS state,
            coalesce(left(a.query, 500), '') AS query,
            coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start)) * 1000, 0)::float8 AS "runningMs",
            coalesce(a.query LIKE 'autovacuum:%', false) AS "isAutovacuum", n.nspname || '.' || c.relname AS relation,
            c.oid::int8::float8 AS oid, w.mode
     FROM pg_locks w
     JOIN pg_class c ON c.oid = w.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_locks h ON h.locktype = 'relation' AND h.database = w.database AND h.relation = w.relation
       AND h.gp_segment_id = w.gp_segment_id AND h.pid IS DISTINCT FROM w.pid AND h.mode = ANY (${conflictingModes('w.mode')})
       AND (h.granted OR w.mode = 'AccessShareLock')
     LEFT JOIN pg_stat_activity a ON a.pid = h.pid
     WHERE w.pid = $1 AND ${isOwn} AND NOT w.granted AND w.locktype = 'relation'
     ORDER BY "runningMs" DESC`,
    [waitingPid],
  );
  const [first] = rows;
  if (first === undefined) return undefined;
  // A session may hold several conflicting locks.
  const once = new Map(rows.map((row) => [row.pid, row]));
  const wait = await lockWaitOf(monitor, [...once.values()]);
  // The outer joins give an empty row when the holder has ended meanwhile.
  const blockers =
    wait?.blockers.filter(({ pid, state, prepared }) =>
      pid === 0 ? prepared !== undefined : state !== '',
    ) ?? [];
  return { relation: first.relation, blockers };
}
