import { readServerIdentity } from '../catalog/server-identity.ts';
import type { ConnectionTarget } from '../flavour.ts';
import type { ServerIdentity } from '../server-identity.ts';
import { openMaintenanceSession } from '../session/maintenance.ts';
import { openSession, type Session } from '../session/session.ts';

/** A server, and what users have in it. */
export interface InhabitedServer {
  readonly identity: ServerIdentity;
  /** One table of a user per database that has some: `database: schema.table`. */
  readonly tables: readonly string[];
  /** The databases that begin with the prefix of drills. */
  readonly drills: readonly string[];
}

/** Databases that are looked into: each takes a connection. */
const DATABASES_MAX = 200;

/**
 * Looks for tables of users in every database of a server that can be connected to.
 * @param drillPrefix databases with such names are listed, and not looked into.
 * @throws StowageError as `openSession`: a database that cannot be looked into is a failure.
 */
export async function inhabitedServer(
  target: ConnectionTarget,
  drillPrefix: string,
  signal: AbortSignal,
): Promise<InhabitedServer> {
  const options = { purpose: 'probe', applicationName: 'stowage drill', signal } as const;
  const session = await openMaintenanceSession(target, options);
  let found: { readonly identity: ServerIdentity; readonly names: readonly string[] };
  try {
    found = { identity: await readServerIdentity(session, ''), names: await databases(session) };
  } finally {
    await session.close();
  }
  const tables: string[] = [];
  for (const database of found.names.filter((name) => !name.startsWith(drillPrefix))) {
    const other = await openSession({ ...target, database }, options);
    try {
      const table = await userTable(other);
      if (table !== undefined) tables.push(`${database}: ${table}`);
    } finally {
      await other.close();
    }
  }
  return {
    identity: found.identity,
    tables,
    drills: found.names.filter((name) => name.startsWith(drillPrefix)),
  };
}

async function databases(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT datname AS name FROM pg_catalog.pg_database
     WHERE datallowconn AND NOT datistemplate ORDER BY datname LIMIT ${DATABASES_MAX + 1}`,
  );
  return rows.map(({ name }) => name);
}

async function userTable(session: Session): Promise<string | undefined> {
  const [row] = await session.query<{ name: string }>(
    `SELECT n.nspname || '.' || c.relname AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema$|gp_toolkit$)'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                       WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
     LIMIT 1`,
  );
  return row?.name;
}
