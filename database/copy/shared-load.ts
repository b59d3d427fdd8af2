import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteQualified } from '../session/quote.ts';
import { openSession, type Session } from '../session/session.ts';

interface Table {
  readonly schema: string;
  readonly name: string;
}

/** A backend whose connection was closed ends soon. This bounds the wait for one that does not. */
const LOCK_WAIT = '60s';

/**
 * Whether several connections may load a table in parallel:
 * - The table must be empty, so that it can be truncated when one of them cannot commit.
 * - The server must have pg_blocking_pids (since 9.6), to detect that the connections wait for each
 * other.
 * - No trigger may fire despite `session_replication_role = replica`: it could make the connections
 *   wait for each other (a counter in one row), and a TRUNCATE would not undo its effects.
 */
export async function canBeShared(session: Session, table: Table): Promise<boolean> {
  const [row] = await session.query<{ can: boolean }>(
    `SELECT current_setting('server_version_num')::int >= 90600
       AND NOT EXISTS (SELECT FROM ONLY ${quoteQualified(table)})
       AND NOT EXISTS (SELECT FROM pg_class WHERE oid = $1::regclass AND relkind = 'p')
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1::regclass AND tgenabled IN ('A', 'R')) AS can`,
    [quoteQualified(table)],
  );
  return row?.can === true;
}

/**
 * Whether one of the `running` backends waits, directly or through other sessions, for a lock of a
 * backend that has `arrived`: that backend ends its transaction only after the running ones. This
 * happens when rows collide (a unique index, an exclusion constraint). The server does not see this
 * deadlock.
 */
export async function isDeadlocked(
  session: Session,
  running: readonly number[],
  arrived: readonly number[],
): Promise<boolean> {
  const rows = await session.query(
    `WITH RECURSIVE blocking(pid) AS (
         SELECT unnest(pg_blocking_pids(waiting.pid)) FROM unnest($1::int[]) AS waiting(pid)
       UNION
         SELECT unnest(pg_blocking_pids(blocking.pid)) FROM blocking
     )
     SELECT FROM blocking WHERE pid = ANY ($2::int[])`,
    [running, arrived],
  );
  return rows.length > 0;
}

/**
 * Deletes the rows that some connections have committed while others could not.
 * @throws StowageError as `Session.query`.
 */
export async function undoPartialLoad(
  target: ConnectionTarget,
  table: Table,
  applicationName: string,
): Promise<void> {
  const session = await openSession(target, { purpose: 'restore', applicationName });
  const name = quoteQualified(table);
  try {
    await session.query(
      `SET lock_timeout = '${LOCK_WAIT}'; SET session_replication_role = replica`,
    );
    try {
      await session.query(`TRUNCATE TABLE ONLY ${name}`);
    } catch (error) {
      // A foreign key of another table forbids TRUNCATE. It has waited for the lock before it
      // failed,
      // so no other connection is still committing rows.
      if (sqlStateOf(error) !== '0A000') throw error;
      await session.query(`DELETE FROM ONLY ${name}`);
    }
  } finally {
    await session.close();
  }
}
