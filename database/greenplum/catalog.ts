import type { CatalogRelation } from '../catalog/catalog.ts';
import type { Session } from '../session/session.ts';
import { CANARY_SCHEMA } from './canary.ts';
import type { GreenplumVersion } from './topology.ts';
import { traitsOf } from './versions.ts';

/** A schema of Greenplum itself whose name does not begin with pg_. */
const OWN_SCHEMA = 'gp_toolkit';

/** As `readCatalog`, on a Greenplum coordinator: only it knows distribution and partitions. */
export async function greenplumCatalog(
  session: Session,
  version: GreenplumVersion,
): Promise<CatalogRelation[]> {
  const catalog = await traitsOf(version).readCatalog(session);
  const policies = await session.query<Policy>(POLICIES, undefined, 'policies');
  const policyOf = new Map(policies.map(({ oid, ...policy }) => [oid, policy]));
  return catalog
    .filter(({ schema }) => schema !== OWN_SCHEMA && !schema.startsWith(CANARY_SCHEMA))
    .map((relation) => ({ ...relation, ...policyOf.get(relation.oid) }));
}

interface Policy
  extends Required<Pick<CatalogRelation, 'replicated' | 'redistribute' | 'segments'>> {
  readonly oid: number;
}

/**
 * `redistribute`: rows may belong to other segments in another database. Enums are hashed by the
 * oids of their labels, and reg* types by the oids of objects: both differ between databases. A
 * type defined in this database may contain one of these, so it counts as such. During gpexpand a
 * table can be on fewer segments than the cluster has, and a new table is on all of them.
 * Joins, because an EXISTS for each table would scan pg_type, which has two rows for each table.
 */
const POLICIES = `
  SELECT d.localoid::int8::float8 AS oid, d.policytype = 'r' AS replicated,
         CASE WHEN d.numsegments <> s.segments THEN d.numsegments::int END AS segments,
         d.numsegments <> s.segments OR h.localoid IS NOT NULL AS redistribute
  FROM pg_catalog.gp_distribution_policy d
  CROSS JOIN (SELECT count(*) AS segments FROM pg_catalog.gp_segment_configuration
              WHERE content >= 0 AND role = 'p') s
  LEFT JOIN (
    SELECT DISTINCT k.localoid
    FROM (SELECT localoid, unnest(distkey::int2[]) AS attnum
          FROM pg_catalog.gp_distribution_policy) k
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.localoid AND a.attnum = k.attnum
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE t.oid >= 16384 OR t.typname ~ '^_?reg') h ON h.localoid = d.localoid`;
