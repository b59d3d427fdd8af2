import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

/** With the TOAST table of each and its index, they need two transactions. */
const TABLES = 800;
/** pg_dump makes the foreign table last; its wrapper fails while a setting says so. */
const SQL = `
CREATE FUNCTION checked(text[], oid) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN IF current_setting('shop.fails', true) = 'on' AND $2 = 'pg_catalog.pg_foreign_table'::regclass
     THEN RAISE 'no such place'; END IF; END $$;
CREATE FOREIGN DATA WRAPPER away VALIDATOR checked;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER away;
DO $$ BEGIN FOR n IN 1..${TABLES} LOOP
  EXECUTE format('CREATE TABLE t%s (v text)', to_char(n, 'FM0000')); END LOOP; END $$;
INSERT INTO t0001 VALUES ('one');
COMMENT ON TABLE t0001 IS 'the first';
CREATE ROLE reader;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader;
GRANT INSERT ON t0001 TO reader;
CREATE FOREIGN TABLE z (v text) SERVER elsewhere;
`;
const CONTENTS = `
SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'f') AND relnamespace = 'public'::regnamespace;
SELECT v, obj_description('t0001'::regclass) FROM t0001;
SELECT relname, relacl FROM pg_class WHERE relname IN ('t0001', 't0002', 'z') ORDER BY 1;
SELECT nspname FROM pg_namespace WHERE oid >= 16384;
`;

let place: Place;
let servers: TestServer[];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(1, { databases: [DATABASE] });
  await servers[0]?.psql(SQL, DATABASE);
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

test('A new database gets its objects in several transactions, and a resume makes the rest of them', async () => {
  const [server] = servers as [TestServer];
  const config = await configFor(place, servers, place.newRoot());
  await stowage(['backup'], { config });
  await server.psql(`ALTER ROLE ${server.user} SET shop.fails = 'on'`);
  const created = ['restore', 'latest', '--create', '--database', 'target'];
  const failed = await stowage(created, { config });
  expect(failed.code).toBe(3);
  expect(failed.text).toMatch(/no such place/);
  const made = "SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]{4}$'";
  const tables = Number(await server.psql(made, 'target'));
  expect(tables).toBeGreaterThan(0);
  expect(tables).toBeLessThan(TABLES);

  await server.psql(`ALTER ROLE ${server.user} RESET shop.fails`);
  const id = String(failed.stderrEvents.find(({ event }) => event === 'request')?.['id']);
  const resumed = await stowage(['restore', '--resume', id], { config });
  expect(failureOf(resumed)).toBeUndefined();
  expect(resumed.json).toMatchObject({ status: 'restored', problems: [] });
  expect(await server.psql(CONTENTS, 'target')).toBe(await server.psql(CONTENTS, DATABASE));
});
