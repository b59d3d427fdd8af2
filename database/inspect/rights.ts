import type { GreenplumVersion } from '../greenplum/topology.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './server.ts';

interface RightsRow {
  readonly unread: number;
  readonly unlocked: number;
  readonly hidden: number;
  readonly example: string | null;
  readonly sequences: number;
  readonly roles: boolean;
}

/**
 * Whether the role may read and lock what a backup ships, on one instance. Asked on every one: 7 grants a partitioned table's
 * rights to its leaves on the coordinator only. Tables are external by relstorage up to 6, where pg_dump locks them, too.
 */
export async function checkRights(
  session: Session,
  { major }: GreenplumVersion,
  isCoordinator: boolean,
): Promise<ServerCheck> {
  const { user } = session.target;
  if (await isSuperuser(session))
    return { name: 'rights', ok: true, detail: `${user} is a superuser` };
  const isExternal = major < 7 ? "c.relstorage = 'x'" : 'false';
  const [row] = await session.query<RightsRow>(
    `SELECT count(*) FILTER (WHERE NOT readable)::int AS unread, count(*) FILTER (WHERE NOT lockable)::int AS unlocked,
            count(*) FILTER (WHERE hidden)::int AS hidden, min(name) FILTER (WHERE NOT readable OR NOT lockable OR hidden) AS example,
            (SELECT count(*)::int FROM pg_class s WHERE s.relkind = 'S' AND s.oid >= 16384 AND NOT has_table_privilege(s.oid, 'SELECT')) AS sequences,
            has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS roles
     FROM (SELECT n.nspname || '.' || c.relname AS name, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS readable,
                  ${isExternal} OR has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') AS lockable,
                  ${major < 7 ? 'false' : 'row_security_active(c.oid)'} AS hidden
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND ($1 OR NOT ${isExternal})
             AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gp_toolkit')) t`,
    [isCoordinator],
  );
  const problems = row === undefined ? [] : problemsIn(row, isCoordinator);
  const detail = problems.length === 0 ? 'every table can be read and locked' : problems.join('; ');
  return {
    name: 'rights',
    ok: problems.length === 0,
    detail: `${user} is no superuser; ${detail}`,
  };
}

/** Sequences and roles are asked of the coordinator only. */
function problemsIn(row: RightsRow, isCoordinator: boolean): string[] {
  const example = row.example === null ? '' : ` (${row.example}, …)`;
  const tables = [
    row.unread > 0 ? `tables that cannot be read: ${row.unread}` : '',
    row.unlocked > 0
      ? `tables that cannot be locked in SHARE (needs UPDATE, DELETE or TRUNCATE): ${row.unlocked}`
      : '',
    row.hidden > 0 ? `tables that hide rows by policies (needs BYPASSRLS): ${row.hidden}` : '',
  ].filter((problem) => problem !== '');
  if (tables.length > 0) tables.push(`${tables.pop()}${example}`);
  if (!isCoordinator) return tables;
  if (row.sequences > 0) tables.push(`sequences that cannot be read: ${row.sequences}`);
  if (!row.roles)
    tables.push('pg_dumpall cannot read roles (needs SELECT on pg_catalog.pg_authid)');
  return tables;
}

/** What of Stowage's ways the role rules out: programs on segment hosts are run by COPY … ON SEGMENT. */
export async function checkServerPrograms(
  session: Session,
  { major }: GreenplumVersion,
): Promise<ServerCheck> {
  const name = 'server programs';
  const { user } = session.target;
  if (await isSuperuser(session))
    return {
      name,
      ok: true,
      detail: `${user} may run them: the dispatch snapshot and restores ON SEGMENT work`,
    };
  const needed = major < 7 ? 'a superuser' : 'a superuser or pg_execute_server_program';
  if (major >= 7) {
    const [row] = await session.query<{ may: boolean }>(
      "SELECT pg_has_role(current_user, 'pg_execute_server_program', 'MEMBER') AS may",
    );
    if (row?.may === true)
      return {
        name,
        ok: true,
        detail: `${user} has pg_execute_server_program: the dispatch snapshot works`,
      };
  }
  const detail = `${user} may not run them: no dispatch snapshot, no restore ON SEGMENT (needs ${needed}); the barrier works without`;
  return { name, ok: true, remark: true, detail };
}

async function isSuperuser(session: Session): Promise<boolean> {
  const [role] = await session.query<{ super: boolean }>(
    'SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user',
  );
  return role?.super === true;
}
