import { count } from '../../backup-set/base/words.ts';
import { quoteIdentifier } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';

/**
 * SQL condition on pg_stat_activity: a client's session. An ordinary role sees no backend_type of
 * other roles; a session with a role in a database is a client's, or works for one.
 */
export const IS_CLIENT =
  "coalesce(a.backend_type = 'client backend', a.usesysid IS NOT NULL AND a.datid IS NOT NULL)";

/** What limits the connections to one database of a server. */
export interface ConnectionLimits {
  /** max_connections, without those that are reserved for some roles. */
  readonly most: number;
  /** Sessions of all clients; of the role; in the database. Without doctor's own. */
  readonly used: number;
  readonly usedByRole: number;
  readonly usedInDatabase: number;
  /** CONNECTION LIMIT of the role and of the database; negative = none. */
  readonly roleLimit: number;
  readonly databaseLimit: number;
  /** CONNECTION LIMIT does not apply to a superuser. */
  readonly superuser: boolean;
}

/**
 * Whether `needed` more connections fit: into max_connections, and into the limits of the role and
 * of the database. `isClient`: SQL condition on pg_stat_activity for sessions that count.
 */
export async function checkConnections(
  session: Session,
  { needed, isClient }: { needed: number; isClient: string },
): Promise<ServerCheck> {
  // Greenplum 6 has no current_setting with a second argument.
  const [row] = await session.query<ConnectionLimits>(
    `SELECT (SELECT sum(CASE name WHEN 'max_connections' THEN setting::int ELSE -setting::int END)::int FROM pg_settings
             WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')) AS most,
            count(*)::int AS used,
            coalesce(sum(CASE WHEN a.usesysid = r.oid THEN 1 END), 0)::int AS "usedByRole",
            coalesce(sum(CASE WHEN a.datid = d.oid THEN 1 END), 0)::int AS "usedInDatabase",
            r.rolconnlimit AS "roleLimit", d.datconnlimit AS "databaseLimit", r.rolsuper AS superuser
     FROM pg_roles r JOIN pg_database d ON d.datname = current_database()
     LEFT JOIN pg_stat_activity a ON a.pid <> pg_backend_pid() AND (${isClient})
     WHERE r.rolname = session_user
     GROUP BY r.oid, r.rolconnlimit, r.rolsuper, d.datconnlimit`,
  );
  if (row === undefined) throw new Error('pg_roles has no row for this role');
  return judgeConnections(row, needed, session.target);
}

interface Room {
  readonly free: number;
  readonly words: string;
  readonly advice: string;
}

/** Pure. Names every limit that is too low, each with what to do. */
export function judgeConnections(
  limits: ConnectionLimits,
  needed: number,
  { user, database }: { readonly user: string; readonly database: string },
): ServerCheck {
  const { most, used, superuser } = limits;
  const server: Room = {
    free: Math.max(0, most - used),
    words: `${count(Math.max(0, most - used))} of ${count(most)} are free`,
    advice: 'End other sessions, or raise max_connections and restart the server',
  };
  const limited = (what: string, name: string, limit: number, taken: number): Room[] => {
    if (superuser || limit < 0) return [];
    const free = Math.max(0, limit - taken);
    return [
      {
        free,
        words: `${what.toLowerCase()} ${JSON.stringify(name)} may open ${count(free)} more (CONNECTION LIMIT ${count(limit)})`,
        advice: `Raise the limit: ALTER ${what} ${quoteIdentifier(name)} CONNECTION LIMIT ${taken + needed}`,
      },
    ];
  };
  const rooms = [
    server,
    ...limited('ROLE', user, limits.roleLimit, limits.usedByRole),
    ...limited('DATABASE', database, limits.databaseLimit, limits.usedInDatabase),
  ];
  const full = rooms.filter(({ free }) => free < needed);
  const words = rooms.map((room) => room.words).join('; ');
  const advice = full.map((room) => `. ${room.advice}`).join('');
  return {
    name: 'connections',
    ok: full.length === 0,
    detail: `${words}; a backup needs ${count(needed)}${advice}`,
  };
}
