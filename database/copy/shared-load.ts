import type { ConnectionTarget } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteQualified } from '../session/quote.ts';
import { openSession, type Session } from '../session/session.ts';

interface Table {
  readonly schema: string;
  readonly name: string;
}

/** A backend whose connection we cut goes by itself; one that stays must not make us wait for ever. */
const LOCK_WAIT = '60s';

/**
 * Whether several connections may load a table side by side. It must be empty, so that it can be emptied again when one of
 * them cannot commit; the server must be able to tell that they wait for each other (since 9.6); and no trigger may fire that
 * `session_replication_role = replica` does not suspend: what it does for one connection may wait for what it did for another
 * (a tally in one row), and emptying the table would not undo it.
 */
export async function canBeShared(session: Session, table: Table): Promise<boolean> {
  const [row] = await session.query<{ can: boolean }>(
    `SELECT current_setting('server_version_num')::int >= 90600
       AND NOT EXISTS (SELECT FROM ONLY ${quoteQualified(table)})
       AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $1::regclass AND tgenabled IN ('A', 'R')) AS can`,
    [quoteQualified(table)],
  );
  return row?.can === true;
}

/**
 * Whether one of the `running` backends waits for a lock of one that has `arrived` and will not end its transaction before
 * the other has: rows collide (a unique index, an exclusion constraint), or somebody else's session stands between the two,
 * has what one waits for and waits for the other. No server would ever notice it.
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

/** Takes out the rows that some connections have committed and others could not. @throws StowageError as `Session.query`. */
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
      // Another table refers to this one: its rows must be taken out one by one. Whoever was still committing has ended: TRUNCATE waits for the lock before it says no.
      if (sqlStateOf(error) !== '0A000') throw error;
      await session.query(`DELETE FROM ONLY ${name}`);
    }
  } finally {
    await session.close();
  }
}
