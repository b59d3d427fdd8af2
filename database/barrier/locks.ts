import { StowageError } from '../../backup-set/base/errors.ts';
import type { Blocker } from '../flavour.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { conflictingModes } from './modes.ts';

/**
 * One statement per table costs a round trip each, and one for 10,000 tables is a megabyte of SQL.
 */
const RELATIONS_PER_LOCK = 100;
/**
 * At the end of a statement that took more than a few locks, the server walks through all locks of
 * the session. So the number of statements is bounded: 1,250 of them for 125,000 relations took a
 * minute.
 */
const STATEMENTS_MAX = 25;

/**
 * Locks relations; each wait takes at most the transaction's lock_timeout. ONLY, because children
 * are in the list by themselves. LOCK TABLE takes no snapshot, so the transaction's snapshot can be
 * taken after the locks.
 * @throws StowageError as `Session.query`; `database/locked` when `cancelled` fires between
 * statements.
 */
export async function lockRelations(
  session: Session,
  relations: readonly { readonly schema: string; readonly name: string }[],
  mode: 'ACCESS SHARE' | 'SHARE',
  cancelled: AbortSignal,
): Promise<void> {
  const perLock = Math.max(RELATIONS_PER_LOCK, Math.ceil(relations.length / STATEMENTS_MAX));
  for (let at = 0; at < relations.length; at += perLock) {
    if (cancelled.aborted)
      throw new StowageError('database/locked', 'locking was cancelled: another node has failed');
    const names = relations
      .slice(at, at + perLock)
      .map((relation) => `ONLY ${quoteQualified(relation)}`);
    await session.query(`LOCK TABLE ${names.join(', ')} IN ${mode} MODE`);
  }
}

export interface LockWait {
  /** The relation whose lock is awaited, as `schema.name`; empty for a lock on something else. */
  readonly relation: string;
  readonly blockers: readonly (Blocker & { readonly isAutovacuum: boolean })[];
}

/**
 * The sessions and prepared transactions that block this backend now; undefined when it does not
 * wait for a lock.
 */
export async function readLockWait(
  monitor: Session,
  waitingPid: number,
): Promise<LockWait | undefined> {
  const rows = await monitor.query<LockWait['blockers'][number] & AwaitedRelation>(
    `SELECT p.pid, coalesce(a.usename, '') AS user, coalesce(a.application_name, '') AS application,
            coalesce(a.state, CASE WHEN p.pid = 0 THEN 'prepared transaction' ELSE '' END) AS state,
            coalesce(left(a.query, 500), '') AS query,
            coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start)) * 1000, 0)::float8 AS "runningMs",
            coalesce(a.backend_type = 'autovacuum worker', false) AS "isAutovacuum",
            w.relation, w.oid, w.mode
     FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) p LEFT JOIN pg_stat_activity a ON a.pid = p.pid
     CROSS JOIN (SELECT coalesce(n.nspname || '.' || c.relname, '') AS relation, coalesce(c.oid::int8::float8, 0) AS oid, l.mode
                 FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE l.pid = $1 AND NOT l.granted LIMIT 1) w
     ORDER BY "runningMs" DESC`,
    [waitingPid],
  );
  return lockWaitOf(monitor, rows);
}

/** The lock that a session waits for. */
export interface AwaitedRelation {
  /** As `schema.name`; empty, and oid 0, for a lock on something else. */
  readonly relation: string;
  readonly oid: number;
  readonly mode: string;
}

/** Replaces the nameless blocker with pid 0 by the prepared transactions that it stands for. */
export async function lockWaitOf(
  monitor: Session,
  rows: readonly (LockWait['blockers'][number] & AwaitedRelation)[],
): Promise<LockWait | undefined> {
  const [first] = rows;
  if (first === undefined) return undefined;
  const { relation } = first;
  const blockers = rows.map(({ relation: _, oid: __, mode: ___, ...blocker }) => blocker);
  if (blockers.every(({ pid }) => pid !== 0)) return { relation, blockers };
  const prepared = await readPreparedBlockers(monitor, first);
  // It stays nameless when it has ended since.
  if (prepared.length === 0) return { relation, blockers };
  return { relation, blockers: [...prepared, ...blockers.filter(({ pid }) => pid !== 0)] };
}

/**
 * The prepared transactions whose lock conflicts with the awaited one. They have no session, so
 * pg_stat_activity does not show them. Their locks have no pid, and one of them is on their own
 * transaction id.
 */
async function readPreparedBlockers(
  monitor: Session,
  { oid, mode }: Pick<AwaitedRelation, 'oid' | 'mode'>,
): Promise<LockWait['blockers']> {
  const rows = await monitor.query<{
    gid: string;
    owner: string;
    since: string;
    runningMs: number;
  }>(
    `SELECT DISTINCT x.gid, x.owner::text AS owner, to_char(x.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
            (extract(epoch FROM clock_timestamp() - x.prepared) * 1000)::float8 AS "runningMs"
     FROM pg_locks h
     JOIN pg_locks t ON t.locktype = 'transactionid' AND t.virtualtransaction = h.virtualtransaction
     JOIN pg_prepared_xacts x ON x.transaction = t.transactionid
     WHERE h.granted AND h.locktype = 'relation' AND h.relation = $1::int8::oid AND x.database = current_database()
       AND h.pid IS NULL AND t.pid IS NULL AND h.mode = ANY (${conflictingModes('$2::text')})
     ORDER BY "runningMs" DESC`,
    [oid, mode],
  );
  return rows.map(({ gid, owner, since, runningMs }) => ({
    pid: 0,
    user: owner,
    application: '',
    state: 'prepared transaction',
    query: '',
    runningMs,
    isAutovacuum: false,
    prepared: { gid, since },
  }));
}
