import type { ConnectionTarget } from '../flavour.ts';
import { openMaintenanceSession } from '../session/maintenance.ts';
import { openSession, type SessionOptions } from '../session/session.ts';

/** The database that tools connect to. It is backed up only when it has tables of a user. */
const MAINTENANCE = 'postgres';

/** Every database of a server that is no template and allows connections, by name. */
export async function listDatabases(
  target: ConnectionTarget,
  signal: AbortSignal,
): Promise<string[]> {
  const options = { purpose: 'probe', applicationName: 'stowage databases', signal } as const;
  const session = await openMaintenanceSession(target, options);
  let names: string[];
  try {
    const rows = await session.query<{ name: string }>(
      `SELECT datname AS name FROM pg_catalog.pg_database
       WHERE datallowconn AND NOT datistemplate ORDER BY datname::text COLLATE "C"`,
    );
    names = rows.map(({ name }) => name);
  } finally {
    await session.close();
  }
  const isEmpty = names.includes(MAINTENANCE) && !(await hasTables(target, options));
  return names.filter((name) => !(isEmpty && name === MAINTENANCE));
}

async function hasTables(target: ConnectionTarget, options: SessionOptions): Promise<boolean> {
  const session = await openSession({ ...target, database: MAINTENANCE }, options);
  try {
    const rows = await session.query(
      `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't'
         AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'gp_toolkit')
         AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.objid = c.oid
           AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e') LIMIT 1`,
    );
    return rows.length > 0;
  } finally {
    await session.close();
  }
}
