import { createHash } from 'node:crypto';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Session } from '../session/session.ts';
import type { ServerTables, TableFacts } from './provider.ts';
import { readTypes, typeDescriber } from './types.ts';

/** A table as the catalogs of a version describe it. */
export interface TableRow extends Omit<TableFacts, 'shape' | 'toastOid' | 'toastFile' | 'pages'> {
  readonly pages?: number | null;
  readonly toastOid: number | null;
  readonly toastFile: number | null;
  /** Its columns, as text: dropped ones and missing values, too. */
  readonly columns: string;
  readonly types: readonly number[];
}

/** Which server this is, and its tables: PostgreSQL 12 and newer. */
export async function readWitnessTables(session: Session): Promise<ServerTables> {
  const server = await readServer(session);
  return { server, tables: await factsOf(session, await session.query<TableRow>(TABLES)) };
}

/** Adds the shapes. */
export async function factsOf(session: Session, rows: readonly TableRow[]): Promise<TableFacts[]> {
  const settings = await readSettings(session);
  const types = await readTypes(session, [...new Set(rows.flatMap((row) => row.types))]);
  const describe = typeDescriber(types);
  return rows.map(({ columns, types: used, toastOid, toastFile, pages, ...table }): TableFacts => {
    const described = used.map(describe);
    return {
      ...table,
      ...(typeof pages === 'number' && { pages }),
      ...(toastOid !== null && { toastOid }),
      ...(toastFile !== null && { toastFile }),
      ...(!described.includes(undefined) && {
        shape: shapeOf([settings, columns, JSON.stringify(described)]),
      }),
    };
  });
}

/** The digest of a text list: the first 24 bytes of its SHA-256, in base64url. */
export function shapeOf(parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest();
  return digest.subarray(0, 24).toString('base64url');
}

async function readServer(session: Session): Promise<ServerTables['server']> {
  const [row] = await session.query<{ oid: number; isReadable: boolean }>(
    `SELECT oid::int8::float8 AS oid,
       coalesce(has_function_privilege(to_regprocedure('pg_catalog.pg_control_system()')::oid, 'EXECUTE'), false)
         AS "isReadable"
     FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  );
  const [system] = row?.isReadable
    ? await session.query<{ id: string }>(
        'SELECT system_identifier::text AS id FROM pg_catalog.pg_control_system()',
      )
    : [];
  if (row === undefined || system === undefined)
    throw new StowageError(
      'database/denied',
      'the role cannot read which server this is: GRANT EXECUTE ON FUNCTION pg_control_system() TO it',
    );
  return { systemIdentifier: system.id, databaseOid: row.oid };
}

/** What decides how COPY prints a value, apart from the value. */
const SETTINGS = [
  'server_version',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'extra_float_digits',
  'bytea_output',
  'lc_monetary',
];

async function readSettings(session: Session): Promise<string> {
  const [row] = await session.query<{ settings: string }>(
    `SELECT json_agg(pg_catalog.current_setting(name) ORDER BY name)::text AS settings
     FROM unnest($1::text[]) AS name`,
    [SETTINGS],
  );
  return row?.settings ?? '';
}

const TABLES = `
  SELECT c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
    coalesce(m.amname::text, '') AS "accessMethod", c.relpersistence <> 'p' AS unlogged,
    c.relfilenode::int8::float8 AS file, t.oid::int8::float8 AS "toastOid", t.relfilenode::int8::float8 AS "toastFile",
    CASE WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN c.relpages END AS pages,
    coalesce(a.columns, '') AS columns, coalesce(a.types, '{}') AS types
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam
    AND m.amhandler = 'pg_catalog.heap_tableam_handler'::pg_catalog.regproc
  LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_array(attnum, attname, atttypid::text, atttypmod, attlen, attalign, attisdropped,
             attgenerated, attcollation::text, atthasmissing, attmissingval::text) ORDER BY attnum)::text AS columns,
           array_agg(DISTINCT atttypid::int8::float8) FILTER (WHERE NOT attisdropped) AS types
    FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0) a ON true
  WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.relfilenode <> 0
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;
