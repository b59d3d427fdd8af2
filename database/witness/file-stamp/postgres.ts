import type { Session } from '../../session/session.ts';
import type { ServerHistory } from '../provider.ts';
import { fileStamps } from './provider.ts';

/** On PostgreSQL 12 and newer. */
export const fileStamp = fileStamps({ whyUnavailable, readHistory });

/** Where in its history a PostgreSQL server is. */
async function readHistory(session: Session): Promise<ServerHistory> {
  const [row] = await session.query<{ lsn: string; file: string }>(
    `SELECT l::text AS lsn, pg_catalog.pg_walfile_name(l) AS file
     FROM pg_catalog.pg_current_wal_insert_lsn() l`,
  );
  if (row === undefined) throw new Error('a SELECT without WHERE has given no row');
  return { lsn: row.lsn, timeline: Number.parseInt(row.file.slice(0, 8), 16) };
}

interface Rights {
  readonly role: string;
  readonly version: number;
  readonly mayCheckpoint: boolean;
  readonly mayStat: boolean;
}

const RIGHTS = `
  SELECT quote_ident(r.rolname) AS role,
    pg_catalog.current_setting('server_version_num')::int AS version,
    r.rolsuper OR coalesce((SELECT pg_catalog.pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles
                            WHERE rolname = 'pg_checkpoint'), false) AS "mayCheckpoint",
    pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'EXECUTE') AS "mayStat"
  FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

/** What the role needs for file stamps. Undefined = it has it. */
async function whyUnavailable(session: Session): Promise<string | undefined> {
  const [rights] = await session.query<Rights>(RIGHTS);
  return rights === undefined ? 'the server does not know the role' : missingIn(rights);
}

/** Pure, for tests. */
export function missingIn({ role, version, mayCheckpoint, mayStat }: Rights): string | undefined {
  const checkpoint =
    version >= 150_000
      ? `GRANT pg_checkpoint TO ${role}`
      : 'before PostgreSQL 15 only a superuser may';
  const missing = [
    ...(mayCheckpoint ? [] : [`the role may not CHECKPOINT: ${checkpoint}`]),
    ...(mayStat
      ? []
      : [
          `the role may not see the times of files: GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO ${role}, in this database`,
        ]),
  ];
  return missing.length === 0 ? undefined : missing.join('; ');
}
