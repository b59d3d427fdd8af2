import { StowageError } from '../../backup-set/base/errors.ts';
import type { Blocked } from '../flavour.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

/**
 * One statement for 10,000 tables would be a megabyte of SQL; one per table costs a round trip
 * each.
 */
const RELATIONS_PER_LOCK = 100;

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
  for (let at = 0; at < relations.length; at += RELATIONS_PER_LOCK) {
    if (cancelled.aborted)
      throw new StowageError('database/locked', 'locking was cancelled: another node has failed');
    const names = relations
      .slice(at, at + RELATIONS_PER_LOCK)
      .map((relation) => `ONLY ${quoteQualified(relation)}`);
    await session.query(`LOCK TABLE ${names.join(', ')} IN ${mode} MODE`);
  }
}

export interface LockWait {
  /** The relation whose lock is awaited, as `schema.name`. */
  readonly relation: string;
  readonly blockers: readonly (Blocked['blockers'][number] & { readonly isAutovacuum: boolean })[];
}

/**
 * The sessions that block this backend now; undefined when it does not wait for a relation. Pid 0
 * is
 * a prepared transaction.
 */
export async function readLockWait(
  monitor: Session,
  waitingPid: number,
): Promise<LockWait | undefined> {
  const rows = await monitor.query<LockWait['blockers'][number] & { relation: string | null }>(
    `SELECT p.pid, coalesce(a.usename, '') AS user, coalesce(a.application_name, '') AS application,
            coalesce(a.state, CASE WHEN p.pid = 0 THEN 'prepared transaction' ELSE '' END) AS state,
            coalesce(left(a.query, 500), '') AS query,
            coalesce(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start)) * 1000, 0)::float8 AS "runningMs",
            coalesce(a.backend_type = 'autovacuum worker', false) AS "isAutovacuum",
            (SELECT n.nspname || '.' || c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
               JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = $1 AND NOT l.granted LIMIT 1) AS relation
     FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) p LEFT JOIN pg_stat_activity a ON a.pid = p.pid
     ORDER BY "runningMs" DESC`,
    [waitingPid],
  );
  const relation = rows.find((row) => row.relation !== null)?.relation;
  if (relation === undefined || relation === null) return undefined;
  return { relation, blockers: rows.map(({ relation: _, ...blocker }) => blocker) };
}
