import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let server: TestServer;
/** Every test has a database and a root of its own. */
let [database, config, databases] = ['', '', 0];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres();
});
beforeEach(async () => {
  database = `extended${databases++}`;
  config = await configFor(place, [server], place.newRoot(), { database });
  await newDatabase(database);
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const psql = (sql: string, on = database) => server.psql(sql, on);

/**
 * A database whose extension plpgsql has configuration tables, as if its script had made them:
 * `own` has rows of the extension and rows of the user, `open` only rows of the user.
 */
async function newDatabase(name: string, condition = 'WHERE NOT standard'): Promise<void> {
  await server.psql(`CREATE DATABASE ${name}`);
  await psql(
    `CREATE TABLE own (id int PRIMARY KEY, standard bool NOT NULL, t text);
     INSERT INTO own SELECT i, true, 'standard ' || i FROM generate_series(1, 500) i;
     CREATE TABLE open (id int);
     ALTER EXTENSION plpgsql ADD TABLE own; ALTER EXTENSION plpgsql ADD TABLE open;
     UPDATE pg_extension SET extconfig = ARRAY['own'::regclass, 'open'::regclass]::oid[],
       extcondition = ARRAY['${condition}', ''] WHERE extname = 'plpgsql'`,
    name,
  );
}

/** Rows of the user in both tables, and a table that is not of the extension. */
const USERS_ROWS = `INSERT INTO own SELECT i, false, 'mine ' || i FROM generate_series(1001, 1010) i;
  INSERT INTO open VALUES (1), (2); CREATE TABLE place (id int); INSERT INTO place VALUES (1)`;
const ROWS = `SELECT count(*) FILTER (WHERE standard), count(*) FILTER (WHERE NOT standard),
  md5(string_agg(own::text, '|' ORDER BY id)), (SELECT string_agg(id::text, ' ' ORDER BY id) FROM open) FROM own`;

async function backup(): Promise<string> {
  const result = await stowage(['backup'], { config });
  expect(failureOf(result)).toBeUndefined();
  return result.json.timestamp;
}

const restore = (timestamp: string, ...args: string[]) =>
  stowage(['restore', timestamp, ...args], { config });

describe('a restore of the configuration tables of an extension', () => {
  test('with --truncate replaces the rows of the user and keeps the rows of the extension', async () => {
    await psql(USERS_ROWS);
    const rows = await psql(ROWS);
    const timestamp = await backup();
    await psql(`DELETE FROM own WHERE id > 1005; UPDATE own SET t = 'changed' WHERE id = 1001;
      INSERT INTO own VALUES (2001, false, 'newer'); INSERT INTO open VALUES (3)`);
    expect(failureOf(await restore(timestamp, '--truncate'))).toBeUndefined();
    expect(await psql(ROWS)).toBe(rows);
    expect(rows).toMatch(/^500\|10\|/);
  });

  test('without flags loads the rows of the user into a database where the extension is installed', async () => {
    await psql(USERS_ROWS);
    const rows = await psql(ROWS);
    const timestamp = await backup();
    await newDatabase(`${database}_there`);
    expect(failureOf(await restore(timestamp, '--database', `${database}_there`))).toBeUndefined();
    expect(await psql(ROWS, `${database}_there`)).toBe(rows);
    expect(await psql('SELECT count(*) FROM place', `${database}_there`)).toBe('1');
  });

  test('without flags accepts the schema of an extension that is installed', async () => {
    await psql('CREATE SCHEMA texts; CREATE EXTENSION citext SCHEMA texts');
    await psql(`CREATE TABLE word (w texts.citext); INSERT INTO word VALUES ('Word')`);
    const timestamp = await backup();
    const there = `${database}_there`;
    await newDatabase(there);
    await psql('CREATE SCHEMA texts; CREATE EXTENSION citext SCHEMA texts', there);
    expect(failureOf(await restore(timestamp, '--database', there))).toBeUndefined();
    expect(await psql('SELECT w FROM word', there)).toBe('Word');
  });

  test('without flags is refused when the tables hold rows of a user, because it would delete them', async () => {
    await psql(USERS_ROWS);
    const timestamp = await backup();
    const there = `${database}_there`;
    await newDatabase(there);
    await psql("INSERT INTO own VALUES (3001, false, 'theirs')", there);
    const { code, text } = await restore(timestamp, '--database', there);
    expect(text).toContain('table public.own on content 0');
    expect(text).toContain('holds rows that are not of the extension');
    expect(code).toBe(4);
    expect(await psql('SELECT t FROM own WHERE NOT standard', there)).toBe('theirs');
  });

  test('with --truncate is refused when the table of the target has other rows of the extension', async () => {
    await psql(USERS_ROWS);
    const timestamp = await backup();
    const there = `${database}_there`;
    await newDatabase(there, '');
    await psql(USERS_ROWS, there);
    const rows = await psql(ROWS, there);
    const { code, text } = await restore(timestamp, '--truncate', '--database', there);
    expect(text).toContain('table public.own on content 0');
    expect(text).toContain('not the configuration table of an extension here');
    expect(code).toBe(4);
    expect(await psql(ROWS, there)).toBe(rows);
  });
});
