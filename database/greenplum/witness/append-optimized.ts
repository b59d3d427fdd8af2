import type { Session } from '../../session/session.ts';

/** What decides the rows of an append-optimized table on one segment, besides the catalog. */
export interface AppendOptimizedState {
  readonly filenode: number;
  /** A digest of its pg_aoseg (or pg_aocsseg) relation: the ends of its files. */
  readonly files: string;
  /** A digest of its pg_aovisimap relation: which rows were deleted. */
  readonly hidden: string;
}

/** More make a statement that the server plans for longer than it runs it. */
const TABLES_PER_STATEMENT = 100;

/**
 * Reads the state of append-optimized tables as the transaction of the session sees it. Other
 * tables, and those whose metadata the role may not read, are not in the answer. No lock remains.
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
  readonly filenode: number;
  /** Names as SQL. */
  readonly files: string;
  readonly hidden: string;
}

/** Which append-optimized tables have metadata that the role may read. */
const TABLES = `
  SELECT c.oid::int8::float8 AS oid, c.relfilenode::int8::float8 AS filenode,
         a.segrelid::regclass::text AS files, a.visimaprelid::regclass::text AS hidden
  FROM pg_catalog.pg_appendonly a JOIN pg_catalog.pg_class c ON c.oid = a.relid
  WHERE c.oid = ANY ($1::oid[]) AND c.relpersistence = 'p'
    AND has_schema_privilege('pg_aoseg', 'USAGE')
    AND has_table_privilege(a.segrelid, 'SELECT') AND has_table_privilege(a.visimaprelid, 'SELECT')`;

/**
 * All columns, as each version has them. xmin tells apart two INSERTs that leave equal numbers,
 * when the files of the segment were put back to an older state between them.
 */
const stateSql = ({ oid, filenode, files, hidden }: AppendOptimizedTable) => `
  SELECT ${oid}::float8 AS oid, ${filenode}::float8 AS filenode,
    (SELECT md5(coalesce(string_agg(f.xmin::text || f::text, E'\\n' ORDER BY f.segno), ''))
     FROM ${files} f) AS files,
    (SELECT md5(coalesce(string_agg(md5(h::text), '' ORDER BY h.segno, h.first_row_no), ''))
     FROM ${hidden} h) AS hidden`;
