import type { Session } from '../../session/session.ts';
import type { TableFacts } from '../provider.ts';
import type { Summary } from './chain.ts';

/** All summaries of a timeline that the server still has. */
export async function readSummaries(session: Session, timeline: number): Promise<Summary[]> {
  return session.query<Summary>(
    `SELECT tli::int8::float8 AS timeline, start_lsn::text AS start, end_lsn::text AS "end"
     FROM pg_catalog.pg_available_wal_summaries() WHERE tli = $1`,
    [timeline],
  );
}

interface Between {
  readonly timeline: number;
  readonly from: string;
  readonly to: string;
  readonly databaseOid: number;
}

/** The number of changed blocks of a table and its TOAST table. */
export interface Changes {
  of(table: Pick<TableFacts, 'file' | 'toastFile'>): number;
}

/**
 * Reads which files of a database changed between two positions. A summary that covers a position
 * only in part counts as a whole. The tablespace is not compared: another one is another file.
 * @throws StowageError when a summary was removed meanwhile.
 */
export async function readChanges(
  session: Session,
  { timeline, from, to, databaseOid }: Between,
): Promise<Changes> {
  using _ = session.mayBeSilent();
  const rows = await session.query<{ file: number; blocks: number }>(
    `WITH files AS MATERIALIZED (
       SELECT tli, start_lsn, end_lsn FROM pg_catalog.pg_available_wal_summaries()
       WHERE tli = $1 AND end_lsn > $2::pg_lsn AND start_lsn < $3::pg_lsn)
     SELECT c.relfilenode::int8::float8 AS file, count(*)::float8 AS blocks
     FROM files f CROSS JOIN LATERAL pg_catalog.pg_wal_summary_contents(f.tli, f.start_lsn, f.end_lsn) c
     WHERE c.reldatabase = $4::int8::oid AND c.relforknumber = 0 GROUP BY 1`,
    [timeline, from, to, databaseOid],
  );
  const blocks = new Map(rows.map((row) => [row.file, row.blocks]));
  // File 0: the whole database was created or moved as files.
  const everywhere = blocks.get(0) ?? 0;
  return {
    of: ({ file, toastFile }) =>
      everywhere + (blocks.get(file) ?? 0) + (blocks.get(toastFile ?? -1) ?? 0),
  };
}
