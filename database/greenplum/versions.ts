import type { readLockWait } from '../barrier/locks.ts';
import { type CatalogRelation, readCatalog } from '../catalog/catalog.ts';
import { IS_CLIENT } from '../inspect/connections.ts';
import type { Session } from '../session/session.ts';
import { readCatalog6 } from './catalog-6.ts';
import { readGreenplumLockWait } from './locks.ts';
import { GREENPLUM_MAJORS, type GreenplumMajor } from './majors.ts';

/**
 * What differs between the major versions of Greenplum. The SQL conditions are about `c`, a row of
 * pg_class.
 */
export interface VersionTraits {
  /** libpq's `options` for a utility session. Each version rejects the parameter of the other. */
  readonly utilityOptions: string;
  /** Reads tables and partitions, with external tables as relkind `x`. */
  readonly readCatalog: (session: Session) => Promise<CatalogRelation[]>;
  /** How a lock wait is explained; absent = as on PostgreSQL. */
  readonly lockWait?: typeof readLockWait;
  /**
   * SQL condition: the table is external. 7 has foreign tables instead, which are not relkind `r`.
   */
  readonly isExternal: string;
  /** SQL condition: a policy hides rows. 6 has no row security. */
  readonly hidesRows: string;
  /**
   * SQL condition on pg_stat_activity: a client's session. On 6 the view lists only clients and
   * autovacuum.
   */
  readonly isClient: string;
  /** The role that lets a role run programs on segment hosts; absent = only superusers may. */
  readonly programsRole?: string;
}

const VERSIONS: Readonly<Record<GreenplumMajor, VersionTraits>> = {
  6: {
    utilityOptions: '-c gp_session_role=utility',
    readCatalog: readCatalog6,
    lockWait: readGreenplumLockWait,
    isExternal: "c.relstorage = 'x'",
    hidesRows: 'false',
    isClient: 'true',
  },
  7: {
    utilityOptions: '-c gp_role=utility',
    readCatalog: readCatalog7,
    isExternal: 'false',
    hidesRows: 'row_security_active(c.oid)',
    isClient: IS_CLIENT,
    programsRole: 'pg_execute_server_program',
  },
};

export function traitsOf({ major }: { readonly major: GreenplumMajor }): VersionTraits {
  return VERSIONS[major];
}

/** The known version whose traits a release has: the newest one that is not newer than it. */
export function majorOf(release: number): GreenplumMajor {
  return GREENPLUM_MAJORS.findLast((major) => major <= release) ?? GREENPLUM_MAJORS[0];
}

/** Partitions are those of PostgreSQL, and external tables are foreign tables of one server. */
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
