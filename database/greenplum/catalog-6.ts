import type { CatalogRelation } from '../catalog/catalog.ts';
import type { Session } from '../session/session.ts';

/**
 * As `readCatalog`, on Greenplum 6. There every table has relkind `r`: relstorage tells its kind
 * (h heap, a and c append-optimized, x external, f foreign). Partitions are in pg_partition and
 * pg_partition_rule; a rule that has rules under it is an intermediate level.
 */
export function readCatalog6(session: Session): Promise<CatalogRelation[]> {
  return session.query<CatalogRelation>(CATALOG, undefined, 'catalog');
}

const CATALOG = `
  SELECT c.oid::int8::float8 AS oid, n.nspname AS schema, c.relname AS name,
         CASE WHEN c.relstorage IN ('x', 'f') THEN c.relstorage::text
              WHEN t.parrelid IS NOT NULL OR u.parparentrule IS NOT NULL THEN 'p'
              ELSE c.relkind::text END AS relkind,
         c.relpersistence = 'u' AS unlogged, l.oid IS NOT NULL AS "isPartition", c.relispopulated AS "isPopulated",
         coalesce(a.columns, '{}') AS columns, coalesce(a.types, '{}') AS types,
         rn.nspname AS "rootSchema", r.relname AS "rootName",
         e.oid IS NOT NULL AS "isExtensionMember", e.condition AS "extensionCondition"
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_partition_rule l ON l.parchildrelid = c.oid
  LEFT JOIN pg_partition lp ON lp.oid = l.paroid
  LEFT JOIN (SELECT DISTINCT parrelid FROM pg_partition) t ON t.parrelid = c.oid
  LEFT JOIN (SELECT DISTINCT parparentrule FROM pg_partition_rule) u ON u.parparentrule = l.oid
  LEFT JOIN pg_class r ON r.oid = lp.parrelid
  LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
  LEFT JOIN (
    SELECT attrelid, array_agg(attname::text ORDER BY attnum) AS columns,
           array_agg(format_type(atttypid, atttypmod) ORDER BY attnum) AS types
    FROM pg_attribute JOIN pg_class o ON o.oid = attrelid
    WHERE attnum > 0 AND NOT attisdropped AND o.relkind IN ('r', 'f', 'm') GROUP BY attrelid) a ON a.attrelid = c.oid
  LEFT JOIN (
    SELECT x.oid, d.objid,
           (SELECT x.extcondition[i] FROM generate_subscripts(x.extconfig, 1) i WHERE x.extconfig[i] = d.objid) AS condition
    FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0
      AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') e ON e.objid = c.oid
  WHERE c.relkind IN ('r', 'f', 'm') AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`;
