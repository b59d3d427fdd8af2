import { type CatalogRelation, readCatalog } from '../catalog/catalog.ts';
import type { Session } from '../session/session.ts';
import { CANARY_SCHEMA } from './canary.ts';
import type { GreenplumVersion } from './topology.ts';

/** Greenplum's own, outside the schemas that PostgreSQL reserves. */
const OWN_SCHEMA = 'gp_toolkit';

/** As `readCatalog`, on a Greenplum coordinator; distribution and partitions are known there only. */
export async function greenplumCatalog(
  session: Session,
  { major }: GreenplumVersion,
): Promise<CatalogRelation[]> {
  const catalog = major < 7 ? await readCatalog6(session) : await readCatalog7(session);
  const policies = await session.query<{ oid: number; replicated: boolean; redistribute: boolean }>(
    POLICIES,
  );
  const policyOf = new Map(policies.map(({ oid, ...policy }) => [oid, policy]));
  return catalog
    .filter(({ schema }) => schema !== OWN_SCHEMA && !schema.startsWith(CANARY_SCHEMA))
    .map((relation) => ({ ...relation, ...policyOf.get(relation.oid) }));
}

/**
 * Enums, and what is made of them, are hashed by the oids of their labels, names of relations and types by the oids of
 * those: all are others in another database. Of types made here nobody can tell from outside what they are made of.
 */
const POLICIES = `
  SELECT d.localoid::int8::float8 AS oid, d.policytype = 'r' AS replicated,
         EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
                 WHERE a.attrelid = d.localoid AND a.attnum = ANY (d.distkey::int2[])
                   AND (t.oid >= 16384 OR t.typname ~ '^_?reg')) AS redistribute
  FROM pg_catalog.gp_distribution_policy d`;

/** Since 7 partitions are PostgreSQL's, and external tables are foreign tables of one server. */
async function readCatalog7(session: Session): Promise<CatalogRelation[]> {
  const rows = await session.query<{ oid: number }>(
    `SELECT f.ftrelid::int8::float8 AS oid FROM pg_catalog.pg_foreign_table f
     JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver WHERE s.srvname = 'gp_exttable_server'`,
  );
  const external = new Set(rows.map(({ oid }) => oid));
  return (await readCatalog(session)).map((relation) =>
    external.has(relation.oid) ? { ...relation, relkind: 'x' } : relation,
  );
}

/**
 * Up to 6 every table is of relkind `r`: what it stores is in relstorage (h heap, a and c append-optimized, x external,
 * f foreign), and partitions are in catalogs of their own. A rule with rules under it is an intermediate level.
 */
function readCatalog6(session: Session): Promise<CatalogRelation[]> {
  return session.query<CatalogRelation>(`
    SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name,
           CASE WHEN c.relstorage IN ('x', 'f') THEN c.relstorage::text
                WHEN EXISTS (SELECT FROM pg_partition p WHERE p.parrelid = c.oid)
                  OR EXISTS (SELECT FROM pg_partition_rule u WHERE u.parparentrule = l.oid) THEN 'p'
                ELSE c.relkind::text END AS relkind,
           c.relpersistence = 'u' AS unlogged, l.oid IS NOT NULL AS "isPartition", c.relispopulated AS "isPopulated",
           coalesce(a.columns, '{}') AS columns, rn.nspname AS "rootSchema", r.relname AS "rootName",
           e.oid IS NOT NULL AS "isExtensionMember", e.condition AS "extensionCondition"
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_partition_rule l ON l.parchildrelid = c.oid
    LEFT JOIN pg_partition lp ON lp.oid = l.paroid
    LEFT JOIN pg_class r ON r.oid = lp.parrelid
    LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    LEFT JOIN (
      SELECT attrelid, array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attnum > 0 AND NOT attisdropped GROUP BY attrelid) a ON a.attrelid = c.oid
    LEFT JOIN (
      SELECT x.oid, d.objid,
             (SELECT x.extcondition[i] FROM generate_subscripts(x.extconfig, 1) i WHERE x.extconfig[i] = d.objid) AS condition
      FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
      WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0
        AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') e ON e.objid = c.oid
    WHERE c.relkind IN ('r', 'f', 'm') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`);
}
