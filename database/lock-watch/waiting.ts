import type { Blocker } from '../flavour.ts';
import type { Session } from '../session/session.ts';

/** Our own sessions on a server: by a name that theirs begins with, or by process id. */
export interface OwnSessions {
  /** Their application_name is this, or begins with this and a space. */
  readonly name?: string;
  readonly pids?: readonly number[];
}

export interface WaitingSession {
  readonly pid: number;
  readonly application: string;
}

/**
 * Which of our sessions wait for a lock now. `waiting` is the column of Greenplum 6; the server
 * reads no lock table for this, so it may be asked often.
 */
export function ownSessionsWaiting(
  monitor: Session,
  { name, pids = [] }: OwnSessions,
): Promise<WaitingSession[]> {
  return monitor.query(
    `SELECT a.pid, a.application_name AS application FROM pg_stat_activity a
     WHERE a.datname = current_database() AND (${IS_OWN})
       AND (row_to_json(a) ->> 'wait_event_type' = 'Lock' OR row_to_json(a) ->> 'waiting' = 'true')`,
    [name ?? null, pids],
  );
}

const IS_OWN = `coalesce(left(a.application_name || ' ', length($1::text) + 1) = $1::text || ' ', false)
  OR a.pid = ANY ($2::int[])`;

/** The process ids, out of these, that are not ours. */
export async function othersOf(
  monitor: Session,
  { name, pids = [] }: OwnSessions,
  asked: readonly number[],
): Promise<ReadonlySet<number>> {
  const own = await monitor.query<{ pid: number }>(
    `SELECT a.pid FROM pg_stat_activity a WHERE a.pid = ANY ($3::int[]) AND (${IS_OWN})`,
    [name ?? null, pids, asked],
  );
  const isOwn = new Set(own.map(({ pid }) => pid));
  return new Set(asked.filter((pid) => !isOwn.has(pid)));
}

export interface ExclusiveRequest extends Blocker {
  readonly schema: string;
  readonly relation: string;
}

/**
 * Sessions of this database that wait for ACCESS EXCLUSIVE on a relation: every later session that
 * only reads it queues behind them.
 */
export function exclusiveRequests(monitor: Session): Promise<ExclusiveRequest[]> {
  // On Greenplum an ordinary session also lists the locks of the segments.
  const isOwn = monitor.target.ordinaryOnly === true ? 'l.gp_segment_id = -1' : 'true';
  return monitor.query(
    `SELECT DISTINCT ON (l.pid) l.pid, n.nspname AS schema, c.relname AS relation,
            coalesce(a.usename, '') AS user, coalesce(a.application_name, '') AS application,
            coalesce(a.state, '') AS state, coalesce(left(a.query, 500), '') AS query, 0 AS "runningMs"
     FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE NOT l.granted AND ${isOwn} AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
}
