import type { ServerCheck } from '../../inspect/check.ts';
import { isSuperuser, type RightsQuery } from '../../inspect/rights.ts';
import type { Session } from '../../session/session.ts';
import type { GreenplumVersion } from '../topology.ts';
import { traitsOf } from '../versions.ts';

/**
 * What a backup needs on one instance. Each instance is asked: 7 grants the rights on a
 * partitioned table to its leaves on the coordinator only.
 */
export function rightsQuery(version: GreenplumVersion, isCoordinator: boolean): RightsQuery {
  const { isExternal, hidesRows } = traitsOf(version);
  // pg_dump on the coordinator reads and locks external tables too; segments have no part in them.
  const isShipped = isCoordinator ? '' : ` AND NOT ${isExternal}`;
  return {
    isTable: `c.relkind IN ('r', 'p') AND n.nspname <> 'gp_toolkit'${isShipped}`,
    needsNoLock: isExternal,
    hidesRows,
    lockPrivileges: 'UPDATE, DELETE, TRUNCATE',
    readsSequences: isCoordinator,
    readsRoles: isCoordinator,
  };
}

/**
 * Whether the role may run programs on segment hosts (COPY … ON SEGMENT), and what fails without.
 */
export async function checkServerPrograms(
  session: Session,
  version: GreenplumVersion,
): Promise<ServerCheck> {
  const name = 'server programs';
  const { user } = session.target;
  if (await isSuperuser(session))
    return {
      name,
      ok: true,
      detail: `${user} may run them: the dispatch snapshot and restores ON SEGMENT work`,
    };
  const { programsRole } = traitsOf(version);
  if (programsRole !== undefined && (await isMember(session, programsRole)))
    return { name, ok: true, detail: `${user} has ${programsRole}: the dispatch snapshot works` };
  const needed = programsRole === undefined ? 'a superuser' : `a superuser or ${programsRole}`;
  const detail = `${user} may not run them (needs ${needed}): the dispatch snapshot and restores ON SEGMENT fail; a barrier backup works`;
  return { name, ok: true, remark: true, detail };
}

async function isMember(session: Session, role: string): Promise<boolean> {
  const [row] = await session.query<{ is: boolean }>(
    "SELECT pg_has_role(current_user, $1::name, 'MEMBER') AS is",
    [role],
  );
  return row?.is === true;
}
