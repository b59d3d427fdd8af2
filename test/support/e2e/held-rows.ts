import type { TestServer } from '../servers/postgres.ts';

/** A restore waits at this row of `big.lineitem`, in the middle of COPY. */
const HELD_KEY = 4_000;
const FLAG = 'hold_rows';

/**
 * SQL for a database with `big.lineitem` (`bigTable`). COPY into the table, also in a restored
 * database, then waits at a row while the rows are held. So a test can kill a restore whose rows
 * are in transit, on a machine of any speed. The type is a domain: it is created before the rows.
 */
export const HOLDING_SQL = `
CREATE FUNCTION held(i bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  WHILE i % 1000000000 = ${HELD_KEY} AND EXISTS (SELECT FROM pg_roles WHERE rolname = '${FLAG}')
  LOOP PERFORM pg_sleep(0.05); END LOOP;
  RETURN true; END $$;
CREATE DOMAIN held AS bigint CHECK (public.held(VALUE));
ALTER TABLE big.lineitem ALTER orderkey TYPE public.held;`;

/** Until `releaseRows`, a restore into these servers waits in the middle of `big.lineitem`. */
export async function holdRows(servers: readonly TestServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.psql(`CREATE ROLE ${FLAG}`)));
}

/** May be called also when no rows are held. */
export async function releaseRows(servers: readonly TestServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.psql(`DROP ROLE IF EXISTS ${FLAG}`)));
}
