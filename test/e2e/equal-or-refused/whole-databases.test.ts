import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let server: TestServer;

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

/** Makes a database and backs it up; the returned function restores it. */
async function backedUp(database: string, sql: string, options = '') {
  await server.psql(`CREATE DATABASE ${database} ${options}`);
  await server.psql(sql, database);
  const config = await configFor(place, [server], place.newRoot(), { database });
  const backup = await stowage(['backup'], { config });
  expect(failureOf(backup)).toBeUndefined();
  return (...args: string[]) => stowage(['restore', backup.json.timestamp, ...args], { config });
}

test('rows whose CHECK reads another table are restored in any order of the names, with --create and with --truncate', async () => {
  const rows = `SELECT (SELECT count(*) FROM a_user), (SELECT count(*) FROM m_limit), (SELECT count(*) FROM z_user)`;
  const restore = await backedUp(
    'checked',
    `CREATE TABLE m_limit (m int PRIMARY KEY); INSERT INTO m_limit SELECT generate_series(1, 100);
     CREATE FUNCTION known(i int) RETURNS bool LANGUAGE sql STABLE SET search_path = public
       AS 'SELECT EXISTS (SELECT FROM public.m_limit WHERE m = i)';
     CREATE TABLE z_user (id int, v int CHECK (known(v)), pad text);
     INSERT INTO z_user SELECT i, 1 + i % 100, repeat('x', 200) FROM generate_series(1, 20000) i;
     CREATE FUNCTION used(i int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
       PERFORM FROM public.z_user WHERE id = i; IF NOT FOUND THEN RAISE 'not used'; END IF; RETURN true; END $$;
     CREATE TABLE a_user (id int CHECK (used(id))); INSERT INTO a_user VALUES (1), (2)`,
  );
  expect(failureOf(await restore('--create', '--redirect-db', 'checked_copy'))).toBeUndefined();
  expect(await server.psql(rows, 'checked_copy')).toBe('2|100|20000');
  expect(failureOf(await restore('--truncate'))).toBeUndefined();
  expect(await server.psql(rows, 'checked')).toBe('2|100|20000');
});
