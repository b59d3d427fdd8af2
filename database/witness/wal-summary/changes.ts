import type { Session } from '../../session/session.ts';
import type { TableFacts } from '../provider.ts';
import { fileNameOf, type Summary } from './chain.ts';

/** All summaries of a timeline that the server still has. */
export async function readSummaries(session: Session, timeline: number): Promise<Summary[]> {
  return session.query<Summary>(
    `SELECT tli::int8::float8 AS timeline, start_lsn::text AS start, end_lsn::text AS "end"
     FROM pg_catalog.pg_available_wal_summaries() WHERE tli = $1`,
    [timeline],
  );
}

/** When the server stored a summary, in seconds of its clock. Undefined = it has no such file. */
export async function storedAtOf(session: Session, summary: Summary): Promise<number | undefined> {
  const [row] = await session.query<{ at: number | null }>(
    `SELECT extract(epoch FROM modification)::float8 AS at FROM pg_catalog.pg_stat_file($1, true)`,
    [`pg_wal/summaries/${fileNameOf(summary)}`],
  );
  return row?.at ?? undefined;
}

interface Between {
  readonly timeline: number;
  readonly from: string;
  readonly to: string;
  readonly databaseOid: number;
}

/** The changed blocks of a table and its TOAST table. */
export interface Changes {
  /** How many there are. */
  of(table: Files): number;
  /**
   * In which ranges of the table itself they lie, in order. Undefined = the table or its TOAST
   * table was cut off or made anew meanwhile, so that more than these blocks changed.
   */
  rangesOf(table: Files): readonly number[] | undefined;
}

type Files = Pick<TableFacts, 'file' | 'toastFile'>;

interface FileChanges {
  blocks: number;
  isCut: boolean;
  readonly ranges: number[];
}

/**
 * Reads which files of a database changed between two positions. A summary that covers a position
 * only in part counts as a whole. The tablespace is not compared: another one is another file.
 * @param rangeBlocks blocks per range.
 * @throws StowageError when a summary was removed meanwhile.
 */
export async function readChanges(
  session: Session,
  { timeline, from, to, databaseOid }: Between,
  rangeBlocks: number,
): Promise<Changes> {
  using _ = session.mayBeSilent();
  const rows = await session.query<{
    file: number;
    range: number;
    blocks: number;
    isCut: boolean;
  }>(
    `WITH files AS MATERIALIZED (
       SELECT tli, start_lsn, end_lsn FROM pg_catalog.pg_available_wal_summaries()
       WHERE tli = $1 AND end_lsn > $2::pg_lsn AND start_lsn < $3::pg_lsn)
     SELECT c.relfilenode::int8::float8 AS file, (c.relblocknumber / $5::int8)::float8 AS range,
       count(*)::float8 AS blocks, bool_or(c.is_limit_block) AS "isCut"
     FROM files f CROSS JOIN LATERAL pg_catalog.pg_wal_summary_contents(f.tli, f.start_lsn, f.end_lsn) c
     WHERE c.reldatabase = $4::int8::oid AND c.relforknumber = 0 GROUP BY 1, 2 ORDER BY 1, 2`,
    [timeline, from, to, databaseOid, rangeBlocks],
  );
  const files = new Map<number, FileChanges>();
  for (const { file, range, blocks, isCut } of rows) {
    const changes = files.get(file) ?? { blocks: 0, isCut: false, ranges: [] };
    files.set(file, changes);
    changes.blocks += blocks;
    changes.isCut ||= isCut;
    changes.ranges.push(range);
  }
  // File 0: the whole database was created or moved as files.
  const everywhere = files.get(0)?.blocks ?? 0;
  const toastOf = ({ toastFile }: Files) => files.get(toastFile ?? -1);
  return {
    of: (table) =>
      everywhere + (files.get(table.file)?.blocks ?? 0) + (toastOf(table)?.blocks ?? 0),
    rangesOf: (table) => {
      const changes = files.get(table.file);
      const isCut = changes?.isCut === true || toastOf(table)?.isCut === true;
      return isCut || everywhere > 0 ? undefined : (changes?.ranges ?? []);
    },
  };
}
