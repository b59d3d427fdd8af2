import { createHash } from 'node:crypto';
import type { Session } from '../../session/session.ts';

/** What decides the rows of an append-optimized table on one segment, besides the catalog. */
export interface AppendOptimizedState {
  /** A digest of its pg_aoseg (or pg_aocsseg) relation: the ends of its files. */
  readonly files: string;
  /** A digest of its pg_aovisimap relation: which rows were deleted. */
  readonly hidden: string;
}

/** In one message. Each has a statement of its own: a plan for all takes four times as long. */
const TABLES_PER_MESSAGE = 100;
/** What `hidden` is while no row was deleted: the digest of nothing. */
const NOTHING = createHash('md5').digest('hex');

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
  for (let at = 0; at < tables.length; at += TABLES_PER_MESSAGE) {
    const some = tables.slice(at, at + TABLES_PER_MESSAGE);
    const statements = some.flatMap((table) => [
      filesSql(table),
      ...(table.mayHide ? [hiddenSql(table)] : []),
    ]);
    const [, ...results] = await session.script(
      [
        'SAVEPOINT append_optimized',
        ...statements,
        'ROLLBACK TO SAVEPOINT append_optimized',
        // ROLLBACK TO keeps the savepoint: each message would nest one level deeper.
        'RELEASE SAVEPOINT append_optimized',
      ].join('; '),
    );
    for (const { oid, mayHide } of some) {
      const files = digestIn(results.shift());
      states.set(oid, { files, hidden: mayHide ? digestIn(results.shift()) : NOTHING });
    }
  }
  return states;
}

function digestIn(rows: readonly Record<string, unknown>[] | undefined): string {
  const digest = rows?.[0]?.['digest'];
  if (typeof digest === 'string') return digest;
  throw new Error('an aggregate of an append-optimized table has given no text');
}

interface AppendOptimizedTable {
  readonly oid: number;
  /** Names of its metadata relations, as SQL. */
  readonly files: string;
  readonly hidden: string;
  /** False: the file of `hidden` is empty, so no snapshot sees a row of it. */
  readonly mayHide: boolean;
  /** The number of a file of segment file 0 that every INSERT writes. */
  readonly file: number;
}

/**
 * By column: the files of the n-th column have the numbers from n × 128 on. A block of a relation
 * is in its file from the moment it is added, and none is cut off that a snapshot still sees.
 */
const TABLES = `
  SELECT a.relid::int8::float8 AS oid,
         a.segrelid::regclass::text AS files, a.visimaprelid::regclass::text AS hidden,
         coalesce((pg_catalog.pg_stat_file(
           pg_catalog.pg_relation_filepath(a.visimaprelid), true)).size > 0, true) AS "mayHide",
         CASE WHEN a.columnstore THEN coalesce(
           (SELECT min(t.attnum) - 1 FROM pg_catalog.pg_attribute t
            WHERE t.attrelid = a.relid AND t.attnum > 0 AND NOT t.attisdropped), 0) * 128
         ELSE 0 END::int AS file
  FROM pg_catalog.pg_appendonly a WHERE a.relid = ANY ($1::int8[]::oid[])`;

/**
 * All columns, as each version has them. xmin and the time of the file tell apart two INSERTs that
 * leave equal numbers, when the segment was put back to an older state between them.
 */
const filesSql = ({ oid, files, file }: AppendOptimizedTable) => `
  SELECT md5(coalesce(string_agg(f.xmin::text || f::text || coalesce(
    (pg_catalog.pg_stat_file(
      pg_catalog.pg_relation_filepath(${oid}) ||
      CASE WHEN f.segno + ${file} = 0 THEN '' ELSE '.' || (f.segno + ${file}) END, true)
    ).modification::text, ''), E'\\n' ORDER BY f.segno), '')) AS digest FROM ${files} f`;

const hiddenSql = ({ hidden }: AppendOptimizedTable) => `
  SELECT md5(coalesce(string_agg(md5(h::text), '' ORDER BY h.segno, h.first_row_no), '')) AS digest
  FROM ${hidden} h`;
