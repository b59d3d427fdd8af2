import type { Session } from '../../session/session.ts';

/** What decides the rows of an append-optimized table on one segment, besides the catalog. */
export interface AppendOptimizedState {
  /** A digest of its pg_aoseg (or pg_aocsseg) relation: the ends of its files. */
  readonly files: string;
  /** A digest of its pg_aovisimap relation: which rows were deleted. */
  readonly hidden: string;
}

/** More make a statement that the server plans for longer than it runs it. */
const TABLES_PER_STATEMENT = 100;

/**
 * Reads the state of append-optimized tables as the transaction of the session sees it: Greenplum
 * 6, in a utility session of a superuser. Other tables are not in the answer. No lock remains.
 */
export async function readAppendOptimized(
  session: Session,
  oids: readonly number[],
): Promise<ReadonlyMap<number, AppendOptimizedState>> {
  const tables = await session.query<AppendOptimizedTable>(TABLES, [oids]);
  const states = new Map<number, AppendOptimizedState>();
  for (let at = 0; at < tables.length; at += TABLES_PER_STATEMENT) {
    const some = tables.slice(at, at + TABLES_PER_STATEMENT);
    await session.query('SAVEPOINT append_optimized');
    const read = await session.query<AppendOptimizedState & { readonly oid: number }>(
      some.map(stateSql).join(' UNION ALL '),
    );
    await session.query('ROLLBACK TO SAVEPOINT append_optimized');
    for (const { oid, ...state } of read) states.set(oid, state);
  }
  return states;
}

interface AppendOptimizedTable {
  readonly oid: number;
  /** Names of its metadata relations, as SQL. */
  readonly files: string;
  readonly hidden: string;
  /** The number of a file of segment file 0 that every INSERT writes. */
  readonly file: number;
}

/** By column: the files of the n-th column have the numbers from n × 128 on. */
const TABLES = `
  SELECT a.relid::int8::float8 AS oid,
         a.segrelid::regclass::text AS files, a.visimaprelid::regclass::text AS hidden,
         CASE WHEN a.columnstore THEN coalesce(
           (SELECT min(t.attnum) - 1 FROM pg_catalog.pg_attribute t
            WHERE t.attrelid = a.relid AND t.attnum > 0 AND NOT t.attisdropped), 0) * 128
         ELSE 0 END::int AS file
  FROM pg_catalog.pg_appendonly a WHERE a.relid = ANY ($1::int8[]::oid[])`;

/**
 * All columns, as each version has them. xmin and the time of the file tell apart two INSERTs that
 * leave equal numbers, when the segment was put back to an older state between them.
 */
const stateSql = ({ oid, files, hidden, file }: AppendOptimizedTable) => `
  SELECT ${oid}::float8 AS oid,
    (SELECT md5(coalesce(string_agg(f.xmin::text || f::text || coalesce(s.modification::text, ''),
                                    E'\\n' ORDER BY f.segno), ''))
     FROM ${files} f CROSS JOIN LATERAL pg_catalog.pg_stat_file(
       pg_catalog.pg_relation_filepath(${oid}) ||
       CASE WHEN f.segno + ${file} = 0 THEN '' ELSE '.' || (f.segno + ${file}) END, true) s) AS files,
    (SELECT md5(coalesce(string_agg(md5(h::text), '' ORDER BY h.segno, h.first_row_no), ''))
     FROM ${hidden} h) AS hidden`;
