import type { ServerCheck } from '../../inspect/check.ts';
import type { Session } from '../../session/session.ts';
import type { Unavailable } from '../provider.ts';

const VERSION_NUMBER_MIN = 170_000;

interface Facts {
  readonly number: number;
  readonly version: string;
  readonly role: string;
  readonly summarizes: string | null;
  readonly walLevel: string;
  readonly fsync: string;
  readonly mayCheckpoint: boolean | null;
  readonly mayRead: boolean | null;
}

// has_function_privilege gives null for a function that this version does not have.
const FACTS = `
  SELECT pg_catalog.current_setting('server_version_num')::int AS number,
    split_part(pg_catalog.current_setting('server_version'), ' ', 1) AS version, current_user::text AS role,
    pg_catalog.current_setting('summarize_wal', true) AS summarizes, pg_catalog.current_setting('wal_level') AS "walLevel",
    pg_catalog.current_setting('fsync') AS fsync,
    (SELECT pg_catalog.pg_has_role(oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = 'pg_checkpoint')
      AS "mayCheckpoint",
    pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_available_wal_summaries()')::oid, 'EXECUTE')
      AND pg_catalog.has_function_privilege(
        pg_catalog.to_regprocedure('pg_catalog.pg_wal_summary_contents(int8, pg_lsn, pg_lsn)')::oid, 'EXECUTE')
      AND pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text, bool)', 'EXECUTE') AS "mayRead"`;

/** What is missing on this server, and what to do. Undefined = it gives WAL summaries. */
export async function whyUnavailable(session: Session): Promise<Unavailable | undefined> {
  const [facts] = await session.query<Facts>(FACTS);
  return facts === undefined
    ? { unavailable: 'the server says nothing about itself' }
    : missingIn(facts);
}

/** Pure, for tests. */
export function missingIn(facts: Facts): Unavailable | undefined {
  const role = `"${facts.role.replaceAll('"', '""')}"`;
  if (facts.number < VERSION_NUMBER_MIN)
    return {
      unavailable: `PostgreSQL ${facts.version} has no WAL summaries: they came with 17`,
      unsupported: true,
    };
  const missing = [
    ...(facts.walLevel === 'minimal'
      ? ['wal_level is minimal: ALTER SYSTEM SET wal_level = replica, then restart the server']
      : []),
    ...(facts.summarizes === 'on'
      ? []
      : ['summarize_wal is off: ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf()']),
    ...(facts.fsync === 'on'
      ? []
      : ['fsync is off: after a crash the WAL proves nothing. ALTER SYSTEM SET fsync = on']),
    ...(facts.mayCheckpoint ? [] : [`the role may not CHECKPOINT: GRANT pg_checkpoint TO ${role}`]),
    ...(facts.mayRead
      ? []
      : [
          `the role may not read WAL summaries: GRANT EXECUTE ON FUNCTION pg_available_wal_summaries(), pg_wal_summary_contents(bigint, pg_lsn, pg_lsn), pg_stat_file(text, boolean) TO ${role}`,
        ]),
  ];
  return missing.length === 0 ? undefined : { unavailable: missing.join('; ') };
}

/** A remark: without summaries a backup reads every table, and is as good. */
export async function inspectWalSummary(session: Session): Promise<ServerCheck> {
  const missing = await whyUnavailable(session);
  const detail =
    missing === undefined
      ? 'WAL summaries: unchanged tables are not read'
      : `every table is read: ${missing.unavailable}`;
  return { name: 'unchanged tables', ok: true, ...(missing && { remark: true }), detail };
}
