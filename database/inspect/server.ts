import type { ConnectionTarget } from '../flavour.ts';
import { openSession, type Session } from '../session/session.ts';

/** One thing `stowage doctor` looked at on a server. */
export interface ServerCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Worth reading, but keeps no backup from working. */
  readonly remark?: true;
  readonly detail: string;
}

/** pg_partition_root and generated columns came with 12. */
const VERSION_NUMBER_MIN = 120_000;
/** The barrier takes three connections on each server, and each worker one more. */
const CONNECTIONS_FREE_MIN = 8;
const CLOCK_OFF_MS_MAX = 60_000;

/**
 * Asks one server whether a backup of this database can work. Changes nothing and locks nothing.
 * @throws StowageError when the server cannot be asked at all.
 */
export async function inspectServer(
  target: ConnectionTarget,
  { clock, signal }: { readonly clock: () => Date; readonly signal?: AbortSignal | undefined },
): Promise<ServerCheck[]> {
  const session = await openSession(target, {
    purpose: 'probe',
    applicationName: 'stowage doctor',
    signal,
  });
  try {
    const checks: ServerCheck[] = [];
    for (const check of [version, rights, connections, checkLockTable, checkOtherSessions])
      checks.push(await check(session));
    checks.push(await checkClock(session, clock));
    return checks;
  } finally {
    await session.close();
  }
}

async function version(session: Session): Promise<ServerCheck> {
  const [row] = await session.query<{
    number: number;
    version: string;
    encoding: string;
    recovering: boolean;
  }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
            current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS recovering`,
  );
  const { number = 0, version: text = '?', encoding = '?', recovering = false } = row ?? {};
  const where = recovering
    ? '; a standby: SHARE locks cannot be taken here, back up the primary'
    : '';
  const old = number < VERSION_NUMBER_MIN ? '; older than 12 is not supported' : '';
  return {
    name: 'server',
    ok: number >= VERSION_NUMBER_MIN && !recovering,
    detail: `PostgreSQL ${text}, ${encoding}${where}${old}`,
  };
}

/** SHARE needs UPDATE, DELETE, TRUNCATE or (since 17) MAINTAIN; reading needs SELECT, and no policy that hides rows. */
async function rights(session: Session): Promise<ServerCheck> {
  const [role] = await session.query<{ super: boolean; user: string }>(
    'SELECT rolsuper AS super, current_user::text AS user FROM pg_roles WHERE rolname = current_user',
  );
  if (role?.super === true)
    return { name: 'rights', ok: true, detail: `${role.user} is a superuser` };
  const [row] = await session.query<{
    unread: number;
    unlocked: number;
    hidden: number;
    example: string | null;
    sequences: number;
  }>(
    `SELECT count(*) FILTER (WHERE NOT readable)::int AS unread, count(*) FILTER (WHERE NOT lockable)::int AS unlocked,
            count(*) FILTER (WHERE hidden)::int AS hidden, min(name) FILTER (WHERE NOT readable OR NOT lockable OR hidden) AS example,
            (SELECT count(*)::int FROM pg_class s WHERE s.relkind = 'S' AND s.oid >= 16384 AND NOT has_table_privilege(s.oid, 'SELECT')) AS sequences
     FROM (SELECT n.nspname || '.' || c.relname AS name, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
                  has_table_privilege(c.oid, $1) AS lockable, row_security_active(c.oid) AS hidden
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') t`,
    [`UPDATE, DELETE, TRUNCATE${(await versionNumber(session)) >= 170_000 ? ', MAINTAIN' : ''}`],
  );
  const problems = [
    row?.unread ? `${row.unread} tables cannot be read` : '',
    row?.unlocked
      ? `${row.unlocked} tables cannot be locked in SHARE (needs UPDATE, DELETE or TRUNCATE on them)`
      : '',
    row?.hidden ? `${row.hidden} tables hide rows by policies (needs BYPASSRLS)` : '',
    row?.sequences ? `${row.sequences} sequences cannot be read` : '',
  ].filter((problem) => problem !== '');
  const example = typeof row?.example === 'string' ? ` (${row.example}, …)` : '';
  const detail =
    problems.length === 0
      ? 'every table can be read and locked'
      : `${problems.join('; ')}${example}`;
  return {
    name: 'rights',
    ok: problems.length === 0,
    detail: `${role?.user ?? session.target.user} is no superuser; ${detail}`,
  };
}

async function versionNumber(session: Session): Promise<number> {
  const [row] = await session.query<{ number: number }>(
    "SELECT current_setting('server_version_num')::int AS number",
  );
  return row?.number ?? 0;
}

async function connections(session: Session): Promise<ServerCheck> {
  const [row] = await session.query<{ most: number; used: number }>(
    `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
            (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used`,
  );
  const { most = 0, used = 0 } = row ?? {};
  return {
    name: 'connections',
    ok: most - used >= CONNECTIONS_FREE_MIN,
    detail: `${used} of ${most} in use; a backup needs 3 and one per worker`,
  };
}

/** A holder locks every relation at once, and pg_dump does so again; the lock table is shared by all sessions. */
export async function checkLockTable(session: Session): Promise<ServerCheck> {
  const [row] = await session.query<{ room: number; relations: number; perTransaction: number }>(
    `SELECT current_setting('max_locks_per_transaction')::int AS "perTransaction",
            current_setting('max_locks_per_transaction')::int *
              (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) AS room,
            (SELECT count(*)::int FROM pg_class WHERE relkind IN ('r', 'p', 'S', 'v', 'm', 'f') AND oid >= 16384) AS relations`,
  );
  const { room = 0, relations = 0, perTransaction = 0 } = row ?? {};
  const detail = `room for ${room} locks (max_locks_per_transaction ${perTransaction}), ${relations} relations`;
  return { name: 'lock table', ok: relations * 3 <= room, detail };
}

/** Another backup, a restore, or what one left behind. */
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

/** Timestamps name sets: a clock far off puts a set in the wrong place. */
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
