import { plural } from '../../backup-set/base/words.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';

/**
 * How the rights of a role are read on one kind of server. The SQL conditions are about `c`, a row
 * of pg_class.
 */
export interface RightsQuery {
  /** SQL condition: the table holds rows that a backup reads or locks. */
  readonly isTable: string;
  /** SQL condition: locks in SHARE need no right on the table. */
  readonly needsNoLock: string;
  /** SQL condition: a policy hides rows from the role. */
  readonly hidesRows: string;
  /** Any of these privileges lets the role lock a table in SHARE. */
  readonly lockPrivileges: string;
  /** Whether this server's sequences and large objects are read. */
  readonly readsSequences: boolean;
  /** Whether pg_dumpall reads pg_authid here. */
  readonly readsRoles: boolean;
}

interface RightsRow {
  readonly unread: number;
  readonly unlocked: number;
  readonly hidden: number;
  readonly example: string | null;
  readonly sequences: number;
  readonly largeObjects: number;
  readonly roles: boolean;
}

/** Whether the role may read and lock on one server what a backup ships from it. */
export async function checkRights(session: Session, query: RightsQuery): Promise<ServerCheck> {
  const name = 'rights';
  const { user } = session.target;
  if (await isSuperuser(session)) return { name, ok: true, detail: `${user} is a superuser` };
  const [row] = await session.query<RightsRow>(
    `SELECT count(*) FILTER (WHERE NOT readable)::int AS unread, count(*) FILTER (WHERE NOT lockable)::int AS unlocked,
            count(*) FILTER (WHERE hidden)::int AS hidden, min(name) FILTER (WHERE NOT readable OR NOT lockable OR hidden) AS example,
            (SELECT count(*)::int FROM pg_class s WHERE s.relkind = 'S' AND s.oid >= 16384 AND NOT has_table_privilege(s.oid, 'SELECT')) AS sequences,
            (SELECT count(*)::int FROM pg_largeobject_metadata m
             WHERE current_setting('lo_compat_privileges') = 'off' AND NOT pg_has_role(m.lomowner, 'USAGE')
               AND NOT EXISTS (SELECT 1 FROM aclexplode(m.lomacl) a
                 WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))) AS "largeObjects",
            has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS roles
     FROM (SELECT n.nspname || '.' || c.relname AS name,
                  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
                  ${query.needsNoLock} OR has_table_privilege(c.oid, $1) AS lockable, ${query.hidesRows} AS hidden
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
             AND ${query.isTable}) t`,
    [query.lockPrivileges],
  );
  const problems = row === undefined ? [] : problemsIn(row, query);
  const detail =
    problems.length === 0
      ? 'it can read and lock every table'
      : `${problems.join('; ')}. docs/operations.md lists the rights of a backup`;
  return {
    name,
    ok: problems.length === 0,
    detail: `role ${JSON.stringify(user)} is not a superuser; ${detail}`,
  };
}

function problemsIn(row: RightsRow, query: RightsQuery): string[] {
  const problems = [
    row.unread > 0
      ? `it cannot read ${plural(row.unread, 'table')} (needs USAGE on the schema and SELECT on each)`
      : '',
    row.unlocked > 0
      ? `it cannot lock ${plural(row.unlocked, 'table')} in SHARE (needs UPDATE, DELETE or TRUNCATE on each)`
      : '',
    row.hidden > 0
      ? `policies hide rows of ${plural(row.hidden, 'table')} from it (needs BYPASSRLS)`
      : '',
  ].filter((problem) => problem !== '');
  if (problems.length > 0 && row.example !== null)
    problems.push(`one of these tables is ${row.example}`);
  if (query.readsSequences && row.sequences > 0)
    problems.push(`it cannot read ${plural(row.sequences, 'sequence')} (needs SELECT on each)`);
  if (query.readsSequences && row.largeObjects > 0)
    problems.push(
      `it cannot read ${plural(row.largeObjects, 'large object')} (needs SELECT on each)`,
    );
  if (query.readsRoles && !row.roles)
    problems.push('it cannot read roles with pg_dumpall (needs SELECT on pg_catalog.pg_authid)');
  return problems;
}

export async function isSuperuser(session: Session): Promise<boolean> {
  const [role] = await session.query<{ super: boolean }>(
    'SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user',
  );
  return role?.super === true;
}
