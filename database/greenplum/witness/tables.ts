import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Session } from '../../session/session.ts';
import type { ServerTables } from '../../witness/provider.ts';
import { factsOf, type TableRow } from '../../witness/tables.ts';
import { whyNone } from './history.ts';

/**
 * Which segment this is, and its tables: Greenplum 6, in a utility session of a superuser.
 * @throws StowageError which says why there are no witnesses here.
 */
export async function readGreenplumTables(session: Session): Promise<ServerTables> {
  const missing = await whyNone(session);
  if (missing !== undefined) throw new StowageError('database/denied', missing);
  const server = await readServer(session);
  return { server, tables: await factsOf(session, await session.query<TableRow>(TABLES)) };
}

/** pg_control begins with the identifier. 6 has no pg_control_system(). */
async function readServer(session: Session): Promise<ServerTables['server']> {
  const [row] = await session.query<{ oid: number; identifier: string }>(
    `SELECT oid::int8::float8 AS oid,
       encode(pg_catalog.pg_read_binary_file('global/pg_control', 0, 8), 'hex') AS identifier
     FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  );
  if (row === undefined || row.identifier.length !== 16)
    throw new StowageError('database/failed', 'the segment does not say which server it is');
  const systemIdentifier = Buffer.from(row.identifier, 'hex').readBigUInt64LE(0).toString();
  return { systemIdentifier, databaseOid: row.oid };
}

/**
 * relstorage: h heap; a, c append-optimized by row and column; others have no rows here. The
 * setting server_version is that of PostgreSQL, so the version of Greenplum is added. The columns
 * of the server's own tables would take most of the time.
 */
const TABLES = `
  SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
    CASE WHEN c.relstorage = 'h' THEN 'heap'
         WHEN c.relstorage IN ('a', 'c') THEN 'append-optimized' ELSE '' END AS "accessMethod",
    c.relpersistence <> 'p' AS unlogged, c.relfilenode::int8::float8 AS file,
    t.oid::int8::float8 AS "toastOid", t.relfilenode::int8::float8 AS "toastFile",
    version() || coalesce(a.columns, '') AS columns, coalesce(a.types, '{}') AS types
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN (
    SELECT attrelid,
           json_agg(json_build_array(attnum, attname, atttypid::text, atttypmod, attlen, attalign,
                                     attisdropped, attcollation::text) ORDER BY attnum)::text AS columns,
           array_agg(DISTINCT atttypid::int8::float8) FILTER (WHERE NOT attisdropped) AS types
    FROM pg_catalog.pg_attribute
    JOIN pg_catalog.pg_class o ON o.oid = attrelid
    JOIN pg_catalog.pg_namespace s ON s.oid = o.relnamespace
    WHERE attnum > 0 AND o.relkind = 'r'
      AND s.nspname !~ '^pg_' AND s.nspname <> 'information_schema'
    GROUP BY attrelid) a ON a.attrelid = c.oid
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.relfilenode <> 0
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;
