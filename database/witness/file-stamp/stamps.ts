import type { Session } from '../../session/session.ts';
import { checkpoint } from '../place.ts';

/** The files of a table on one server, as the file system shows them after a CHECKPOINT. */
export interface FileStamp {
  /** A digest of path, size, and times of each file. */
  readonly stamp: string;
  /** The newest of the times; seconds of the server's clock. */
  readonly newest: number;
  /** They lie in a tablespace: another file system, the clock of which was not compared. */
  readonly isElsewhere: boolean;
}

/**
 * Writes all dirty pages, and then reads the server's clock: a file that is clearly older has not
 * been written since. @throws StowageError when it takes too long.
 */
export async function checkpointedAt(session: Session, waitMs: number): Promise<number> {
  await checkpoint(session, waitMs);
  return Math.floor(await clockSeconds(session));
}

/** Tells servers apart: after a failover an address leads to one with another clock. */
export async function serverStartedAt(session: Session): Promise<string | undefined> {
  const [row] = await session.query<{ at: string }>(
    'SELECT pg_catalog.pg_postmaster_start_time()::text AS at',
  );
  return row?.at;
}

/**
 * Writes all dirty pages, and then reads the stamps of heap tables. Tables that are not permanent
 * have none: a CHECKPOINT does not write the pages of unlogged tables.
 * @returns undefined: the files have the times of another clock than the server's.
 * @throws StowageError when it takes too long.
 */
export async function readFileStamps(
  session: Session,
  oids: readonly number[],
  waitMs: number,
): Promise<ReadonlyMap<number, FileStamp> | undefined> {
  const before = await clockSeconds(session);
  await checkpoint(session, waitMs);
  // The CHECKPOINT has just written this file.
  const [control] = await session.query<{ seconds: number; now: number }>(`
    SELECT extract(epoch FROM modification)::float8 AS seconds,
           extract(epoch FROM clock_timestamp())::float8 AS now
    FROM pg_catalog.pg_stat_file('global/pg_control', true)`);
  if (control === undefined || !isWithin(control.seconds, before, control.now)) return undefined;
  const rows = await session.query<FileStamp & { readonly oid: number }>(STAMPS, [oids]);
  return new Map(rows.map(({ oid, ...stamp }) => [oid, stamp]));
}

/** One second more on both sides, because the file's time is cut to whole seconds. */
function isWithin(seconds: number, from: number, to: number): boolean {
  return seconds >= Math.floor(from) - 1 && seconds <= to + 1;
}

async function clockSeconds(session: Session): Promise<number> {
  const [row] = await session.query<{ seconds: number }>(
    'SELECT extract(epoch FROM clock_timestamp())::float8 AS seconds',
  );
  return row?.seconds ?? Number.NaN;
}

/**
 * The main fork and the TOAST table of each table, every file of segment_size. A file that does not
 * exist has no size. The path names tablespace, database and relfilenode.
 */
const STAMPS = `
  WITH forks AS (
    SELECT c.oid AS owner, pg_catalog.pg_relation_filepath(f.oid) AS path,
           pg_catalog.pg_relation_size(f.oid, 'main') / s.bytes AS last
    FROM pg_catalog.pg_class c
    CROSS JOIN (SELECT setting::int8 * pg_catalog.current_setting('block_size')::int8 AS bytes
                FROM pg_catalog.pg_settings WHERE name = 'segment_size') s
    CROSS JOIN LATERAL (VALUES (c.oid), (c.reltoastrelid)) f(oid)
    WHERE c.oid = ANY ($1::int8[]::oid[]) AND c.relkind = 'r' AND c.relpersistence = 'p'
      AND f.oid <> 0)
  SELECT owner::int8::float8 AS oid,
         md5(string_agg(concat_ws(' ', path, n, f.size, extract(epoch FROM f.modification),
                                  extract(epoch FROM f.change)), E'\\n' ORDER BY path, n)) AS stamp,
         max(ceil(extract(epoch FROM greatest(f.modification, f.change))))::float8 AS newest,
         bool_or(path LIKE 'pg\\_tblspc/%') AS "isElsewhere"
  FROM forks
  CROSS JOIN LATERAL generate_series(0, last) n
  CROSS JOIN LATERAL pg_catalog.pg_stat_file(
    path || CASE WHEN n = 0 THEN '' ELSE '.' || n END, true) f
  GROUP BY owner
  HAVING bool_and(n > 0 OR f.size IS NOT NULL)`;
