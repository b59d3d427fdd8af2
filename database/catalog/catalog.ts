import type { GeneratedColumn } from '../../backup-set/documents/plan.ts';
import type { Session } from '../session/session.ts';

/** One relation that can hold a user's rows, as the catalogs describe it. */
export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** r table, p partitioned, f foreign, x external (Greenplum), m materialized view */
  readonly relkind: 'r' | 'p' | 'f' | 'x' | 'm';
  readonly unlogged: boolean;
  readonly isPartition: boolean;
  readonly isPopulated: boolean;
  readonly columns: readonly string[];
  /** The type of each column, with its modifiers, as `format_type` prints it. */
  readonly types: readonly string[];
  readonly rootSchema: string | null;
  readonly rootName: string | null;
  readonly isExtensionMember: boolean;
  /** Null unless an extension declares the table as configuration; then its filter, maybe empty. */
  readonly extensionCondition: string | null;
  /** Greenplum: every segment has all rows. */
  readonly replicated?: boolean;
  /** Greenplum: the hash of the distribution key is valid in this database only. */
  readonly redistribute?: boolean;
  /** Its rows are on this many segments, the first ones: another number than the cluster has. */
  readonly segments?: number | null;
}

/** Reads every relation outside the system schemas, ordered by the bytes of schema and name. */
export async function readCatalog(session: Session): Promise<CatalogRelation[]> {
  return session.query<CatalogRelation>(`
    SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS relkind,
           c.relpersistence = 'u' AS unlogged, c.relispartition AS "isPartition", c.relispopulated AS "isPopulated",
           coalesce(a.columns, '{}') AS columns, coalesce(a.types, '{}') AS types,
           rn.nspname AS "rootSchema", r.relname AS "rootName",
           e.oid IS NOT NULL AS "isExtensionMember", e.condition AS "extensionCondition"
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class r ON c.relispartition AND r.oid = pg_partition_root(c.oid)
    LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    LEFT JOIN LATERAL (
      SELECT array_agg(attname::text ORDER BY attnum) AS columns,
             array_agg(format_type(atttypid, atttypmod) ORDER BY attnum) AS types FROM pg_attribute
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') a ON true
    LEFT JOIN LATERAL (
      SELECT x.oid, x.extcondition[array_position(x.extconfig, c.oid)] AS condition
      FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') e ON true
    WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`);
}

/**
 * Generated columns by the oid of their table. Call it only under our own locks: pg_get_expr waits
 * for any ACCESS EXCLUSIVE lock on a table.
 */
export async function readGenerated(
  session: Session,
  oids: readonly number[],
): Promise<ReadonlyMap<number, readonly GeneratedColumn[]>> {
  const rows = await session.query<{ oid: number } & GeneratedColumn>(
    `SELECT a.attrelid::int8::float8 AS oid, a.attname::text AS name,
            format_type(a.atttypid, a.atttypmod) AS type, pg_get_expr(d.adbin, d.adrelid) AS expression
     FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attgenerated <> '' AND NOT a.attisdropped AND a.attrelid = ANY ($1::int8[]::oid[])
     ORDER BY a.attrelid, a.attnum`,
    [oids],
  );
  return Map.groupBy(rows, ({ oid }) => oid);
}

/** Which views and materialized views read which relations, for the order of a refresh. */
export async function readViewUses(
  session: Session,
): Promise<{ readonly view: number; readonly uses: number }[]> {
  return session.query(`
    SELECT DISTINCT r.ev_class::int8::float8 AS view, d.refobjid::int8::float8 AS uses
    FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class AND r.ev_class >= 16384
    ORDER BY 1, 2`);
}

export async function countLargeObjects(session: Session): Promise<number> {
  const [row] = await session.query<{ count: number }>(
    'SELECT count(*)::float8 AS count FROM pg_largeobject_metadata',
  );
  return row?.count ?? 0;
}

/** Version and encoding of the session's server and database. */
export async function readServerFacts(
  session: Session,
): Promise<{ version: string; versionNumber: number; encoding: string }> {
  const [row] = await session.query<{ version: string; number: string; encoding: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number,
            current_setting('server_encoding') AS encoding`,
  );
  const version = /^\S+/.exec(row?.version ?? '')?.[0] ?? '';
  return { version, versionNumber: Number(row?.number ?? 0), encoding: row?.encoding ?? '' };
}
