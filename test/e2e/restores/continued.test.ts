import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

/**
 * What a restore cannot make at once: an index whose function needs a search_path, a view of a
 * foreign server that does not answer; and what it must make all the same.
 */
const SQL = `
CREATE SCHEMA app; SET search_path = app, public;
CREATE FUNCTION inner_one(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT i';
CREATE FUNCTION bare(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT inner_one(i)';
CREATE TABLE a (i int PRIMARY KEY, n int);
CREATE TABLE lost (i serial PRIMARY KEY, a int REFERENCES a, n int NOT NULL DEFAULT 3 CHECK (n > 0));
CREATE VIEW v_lost AS SELECT * FROM lost;
INSERT INTO a SELECT i, i FROM generate_series(1, 9) i;
INSERT INTO lost (a) SELECT i FROM generate_series(1, 5) i;
CREATE INDEX a_bare ON a (bare(n));
CREATE INDEX a_n ON a (n);
GRANT SELECT ON a TO PUBLIC;
CREATE MATERIALIZED VIEW m2 AS SELECT count(*) AS n FROM a;
CREATE FUNCTION through() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT n FROM app.m2); END';
CREATE MATERIALIZED VIEW m1 AS SELECT through() AS n;
CREATE EXTENSION postgres_fdw SCHEMA public;
`;
const foreign = (port: number, user: string) => `
SET search_path = app, public;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${port}', dbname 'postgres');
CREATE USER MAPPING FOR ${user} SERVER far OPTIONS (user '${user}');
CREATE FOREIGN TABLE ft (datname text) SERVER far OPTIONS (schema_name 'pg_catalog', table_name 'pg_database');
CREATE MATERIALIZED VIEW a_ft AS SELECT count(*) AS n FROM ft;`;
const SET_PATH = 'ALTER FUNCTION app.bare(int) SET search_path = app';
const INDEXES = `SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid::regclass IN ('app.a'::regclass) ORDER BY 1`;
const VIEWS = `SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1`;

let place: Place;
let servers: TestServer[];
let [config, timestamp] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const server of servers) {
    await server.psql(SQL, DATABASE);
    await server.psql(foreign(server.port, server.user), DATABASE);
    await server.psql(`ALTER SERVER far OPTIONS (SET port '${await freePort()}')`, DATABASE);
  }
  config = await configFor(place, servers, place.newRoot());
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const onAll = (sql: string, database: string) =>
  Promise.all(servers.map((server) => server.psql(sql, database)));
const restore = (...args: string[]) => stowage(['restore', ...args], { config });
const into = (database: string, ...args: string[]) =>
  restore(timestamp, '--no-verify', '--redirect-db', database, ...args);
const names = ({ json }: CliResult) =>
  json.leftOut.map(({ content, relation, schemaObject }) =>
    [content, schemaObject?.name ?? relation?.name].join(' '),
  );
const idOf = ({ json }: CliResult) => (json as unknown as { id: string }).id;

test('one index function and one unreachable server do not keep the rest from being made', async () => {
  const result = await into('one', '--create');
  expect(result.json).toMatchObject({ status: 'restored', problems: [], leftOutTotal: 4 });
  expect(names(result)).toEqual(['0 a_bare', '0 a_ft', '1 a_bare', '1 a_ft']);
  expect(result.json.leftOut.map(({ code }) => code)).toEqual([
    'object-not-made',
    'view-not-refreshed',
    'object-not-made',
    'view-not-refreshed',
  ]);
  expect(result.code).toBe(3);
  expect(await onAll(INDEXES, 'one')).toEqual(Array(2).fill('app.a_n\napp.a_pkey'));
  expect(await onAll(VIEWS, 'one')).toEqual(Array(2).fill('a_ft|f\nm1|t\nm2|t'));

  await onAll(SET_PATH, 'one');
  const resumed = await restore('--resume', idOf(result), '--allow-missing');
  expect(names(resumed)).toEqual(['0 a_ft', '1 a_ft']);
  expect(resumed.code).toBe(0);
  expect((await onAll(INDEXES, 'one'))[0]).toContain('app.a_bare');
  const marks = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'stowage%'";
  expect(await onAll(marks, 'one')).toEqual(['0', '0']);
});

test('--on-error continue loads the other tables, and its resume makes only what is missing', async () => {
  await onAll('CREATE DATABASE two', 'postgres');
  await onAll('CREATE SCHEMA app; CREATE DOMAIN app.lost AS int', 'two');
  const result = await into('two', '--on-error', 'continue');
  expect(result.json).toMatchObject({ status: 'restored', problems: [] });
  expect(result.json.leftOut).toContainEqual(
    expect.objectContaining({
      code: 'relation-not-loaded',
      content: 1,
      relation: { schema: 'app', name: 'lost' },
    }),
  );
  expect(names(result)).toEqual(
    expect.arrayContaining(['0 lost', '1 v_lost', '1 lost lost_a_fkey']),
  );
  expect(result.json).toMatchObject({ totals: { rows: 18, relations: 1 }, counted: true });
  expect(result.code).toBe(3);

  await onAll(`DROP DOMAIN app.lost; ${SET_PATH}`, 'two');
  const resumed = await restore('--resume', idOf(result));
  expect(names(resumed)).toEqual(['0 a_ft', '1 a_ft']);
  expect(resumed.json).toMatchObject({ totals: { rows: 28, relations: 2 } });
  const definition = `SELECT pg_get_viewdef('app.v_lost'), (SELECT count(*) FROM app.lost),
    (SELECT string_agg(pg_get_constraintdef(oid), ';' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'app.lost'::regclass)`;
  expect(await onAll(definition, 'two')).toEqual(await onAll(definition, DATABASE));
});

test('the sections of a set are restored one after the other, and each says what it leaves out', async () => {
  const first = await stowage(
    [
      'restore',
      timestamp,
      '--create',
      '--redirect-db',
      'three',
      '--section',
      'pre-data',
      '--no-acl',
    ],
    { config, plain: true },
  );
  expect(failureOf(first)).toBeUndefined();
  expect(first.code).toBe(0);
  expect(first.text).toContain('only pre-data was restored, as the flags say. Left out: rows,');
  expect(first.text).toContain('the GRANTs and REVOKEs of the set were not run (--no-acl)');
  const rights = "SELECT relacl FROM pg_class WHERE oid = 'app.a'::regclass";
  expect(await onAll(rights, 'three')).toEqual(['', '']);

  const rows = await into('three', '--data-only');
  expect(rows.json).toMatchObject({ status: 'restored', totals: { rows: 28 }, sections: ['data'] });
  expect(rows.code).toBe(0);
  expect(await onAll('SELECT last_value FROM app.lost_i_seq', 'three')).toEqual(['5', '5']);
  const again = await into('three', '--data-only');
  expect(again.json.error.message).toMatch(/table app\.\w+ on content \d .* holds rows/);
  expect(again.code).toBe(4);

  const last = await into('three', '--section', 'post-data');
  expect(names(last)).toEqual(['0 a_bare', '0 a_ft', '1 a_bare', '1 a_ft']);
  expect(await onAll(VIEWS, 'three')).toEqual(Array(2).fill('a_ft|f\nm1|t\nm2|t'));
  const missing = await into('postgres', '--data-only');
  expect(missing.json.error.message).toMatch(/does not exist .* creates no tables/);
});
