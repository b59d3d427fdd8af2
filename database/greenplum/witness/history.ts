import type { Session } from '../../session/session.ts';
import type { ServerHistory } from '../../witness/provider.ts';
import { readVersion } from '../topology.ts';

/** Where in its history a segment of Greenplum 6 is. */
export async function readGreenplumHistory(session: Session): Promise<ServerHistory> {
  const [row] = await session.query<{ lsn: string; file: string; dbid: number }>(
    `SELECT l::text AS lsn, pg_catalog.pg_xlogfile_name(l) AS file,
       pg_catalog.gp_execution_dbid()::int AS dbid
     FROM (SELECT pg_catalog.pg_current_xlog_insert_location() AS l) now`,
  );
  if (row === undefined) throw new Error('a SELECT without FROM has given no row');
  return { lsn: row.lsn, timeline: Number.parseInt(row.file.slice(0, 8), 16), dbid: row.dbid };
}

/** Why a segment gives no witnesses of either kind. Undefined = it does. */
export async function whyNone(session: Session): Promise<string | undefined> {
  const { major, text } = await readVersion(session);
  if (major !== 6) return `Stowage has witnesses for Greenplum 6 only, and this is ${text}`;
  const [role] = await session.query<{ name: string; isSuper: boolean }>(
    `SELECT current_user::text AS name, pg_catalog.current_setting('is_superuser') = 'on' AS "isSuper"`,
  );
  if (role?.isSuper === true) return undefined;
  return `role ${role?.name ?? '?'} is not a superuser, and Greenplum 6 shows the files of a segment and the schema pg_aoseg only to superusers`;
}
