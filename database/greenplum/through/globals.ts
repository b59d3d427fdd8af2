import type { Session } from '../../session/session.ts';

/** Whether pg_dumpall can read roles with the rights of this session. */
export async function mayReadRoles(session: Session): Promise<boolean> {
  const [row] = await session.query<{ may: boolean }>(
    "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may",
  );
  return row?.may === true;
}
