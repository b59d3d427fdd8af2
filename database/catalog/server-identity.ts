import type { ServerIdentity } from '../server-identity.ts';
import type { Session } from '../session/session.ts';

/** Which server a session has, and its database of this name. */
export async function readServerIdentity(
  session: Session,
  database: string,
): Promise<ServerIdentity> {
  const [row] = await session.query<{
    version: string;
    instance: string;
    isStandby: boolean;
    oid: string | null;
    isReadable: boolean | null;
  }>(
    // One start time could belong to two servers that one program started.
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
            concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
                           extract(epoch FROM pg_conf_load_time())) AS instance,
            pg_is_in_recovery() AS "isStandby",
            (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = $1) AS oid,
            has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()')::oid, 'EXECUTE')
              AS "isReadable"`,
    [database],
  );
  if (row === undefined) throw new Error('a SELECT without FROM returned no row');
  const [system] = row.isReadable
    ? await session.query<{ id: string }>(
        'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
      )
    : [];
  return {
    serverVersion: row.version,
    systemIdentifier: system?.id,
    instance: row.instance,
    isStandby: row.isStandby,
    databaseOid: row.oid ?? undefined,
  };
}
