import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
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

const configs = new Map<string, string>();

/** Makes a database and backs it up; the returned function restores it. */
async function backedUp(database: string, sql: string, options = '') {
  await server.psql(`CREATE DATABASE ${database} ${options}`);
  await server.psql(sql, database);
  const config = await configFor(place, [server], place.newRoot(), { database });
  configs.set(database, config);
  const backup = await stowage(['backup'], { config });
  expect(failureOf(backup)).toBeUndefined();
  return (...args: string[]) => stowage(['restore', backup.json.timestamp, ...args], { config });
}

/** Resumes a restore of this database that has failed. */
async function resume(database: string, { stderrEvents }: CliResult): Promise<CliResult> {
  const id = stderrEvents.find(({ event }) => event === 'request')?.['id'];
  return stowage(['restore', '--resume', String(id)], { config: configs.get(database) ?? '' });
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

test.each([
  ['LATIN1', 'söq', ''],
  ['EUC_JP', '表', 'CREATE ROLE "Ünï"'],
])(
  'a database in %s is restored, names and sequences included, also where a role has a name that it lacks',
  async (encoding, name, role) => {
    const database = encoding.toLowerCase();
    if (role !== '') await server.psql(role);
    const restore = await backedUp(
      database,
      `CREATE TABLE "${name}" (a text); INSERT INTO "${name}" VALUES ('${name}');
       CREATE SEQUENCE "${name}_seq"; SELECT setval('"${name}_seq"', 42)`,
      `TEMPLATE template0 ENCODING ${encoding} LOCALE 'C'`,
    );
    if (role !== '') await server.psql(role.replace('CREATE', 'DROP'));
    const copy = `${database}_copy`;
    const globals = await restore('--create', '--globals', '--database', copy);
    expect(failureOf(globals)).toBeUndefined();
    const found = `SELECT a, (SELECT last_value FROM "${name}_seq") FROM "${name}"`;
    expect(await server.psql(found, copy)).toBe(`${name}|42`);
    if (role !== '')
      expect(await server.psql(`SELECT count(*) FROM pg_roles WHERE rolname = 'Ünï'`)).toBe('1');
  },
);

test('rows of any bytes in SQL_ASCII are restored, and a name that is not UTF-8 fails the backup by its bytes', async () => {
  const options = "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'";
  const bytes = (hex: string) => `convert_from('\\x${hex}'::bytea, 'SQL_ASCII')`;
  const restore = await backedUp(
    'ascii',
    `CREATE TABLE t (id int PRIMARY KEY, v text);
     INSERT INTO t VALUES (1, ${bytes('e4f6fc80ff')}), (2, ${bytes('c3a4')}),
       (3, ${bytes('f0289cbc0a5c2e0d0a5c')}), (4, repeat(${bytes('ff')}, 3000000))`,
    options,
  );
  const rows = "SELECT string_agg(md5(v), ' ' ORDER BY id) FROM t";
  expect(failureOf(await restore('--create', '--database', 'ascii_copy'))).toBeUndefined();
  expect(await server.psql(rows, 'ascii_copy')).toBe(await server.psql(rows, 'ascii'));
  await server.psql(
    `DO $$ BEGIN EXECUTE 'CREATE TABLE ' || quote_ident(${bytes('74e4')}) || ' (id int)'; END $$`,
    'ascii',
  );
  const { code, json } = await stowage(['backup'], { config: configs.get('ascii') ?? '' });
  expect(code).toBe(6);
  expect(json.error.message).toContain('is not UTF-8: its bytes are \\x74e4');
});

/** Which leaf of a partitioned table holds which keys. */
const leaves = (root: string, key: string, database: string) =>
  server.psql(
    `SELECT tableoid::regclass, string_agg(DISTINCT ${key}::text, ' ') FROM ${root} GROUP BY 1 ORDER BY 1`,
    database,
  );

test('rows of hash partitions on an enum are restored into other partitions, and a resume keeps them', async () => {
  const rows = 'SELECT count(*), md5(string_agg(hp::text, chr(10) ORDER BY v)) FROM hp';
  const restore = await backedUp(
    'hashed',
    `CREATE TYPE col AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l');
     CREATE TABLE hp (e col, v int) PARTITION BY HASH (e);
     CREATE TABLE hp0 PARTITION OF hp FOR VALUES WITH (MODULUS 3, REMAINDER 0);
     CREATE TABLE hp1 PARTITION OF hp FOR VALUES WITH (MODULUS 3, REMAINDER 1);
     CREATE TABLE hp2 PARTITION OF hp FOR VALUES WITH (MODULUS 3, REMAINDER 2);
     INSERT INTO hp SELECT (enum_range(NULL::col))[i % 12 + 1], i FROM generate_series(1, 300) i;
     CREATE FUNCTION stopped(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
       IF current_setting('test.stop', true) = 'on' THEN RAISE 'stopped'; END IF; RETURN i; END $$;
     CREATE TABLE other (id int); INSERT INTO other VALUES (1); CREATE INDEX ON other (stopped(id))`,
  );
  const expected = await server.psql(rows, 'hashed');
  await server.psql("ALTER ROLE postgres SET test.stop = 'on'");
  const failed = await restore('--create', '--database', 'hashed_copy');
  await server.psql('ALTER ROLE postgres RESET test.stop');
  expect(failed.text).toContain('stopped');
  expect(await leaves('hp', 'e', 'hashed_copy')).not.toBe(await leaves('hp', 'e', 'hashed'));
  expect(failureOf(await resume('hashed', failed))).toBeUndefined();
  expect(await server.psql(rows, 'hashed_copy')).toBe(expected);
  expect(failureOf(await restore('--truncate', '--database', 'hashed_copy'))).toBeUndefined();
  expect(await server.psql(rows, 'hashed_copy')).toBe(expected);
  const one = await restore(
    '--truncate',
    '--include-table',
    'public.hp1',
    '--database',
    'hashed_copy',
  );
  expect(one.text).toContain('--include-table public.hp');
  expect(one.code).toBe(3);
});

test('rows of partitions by text are restored into a database with another collation', async () => {
  const restore = await backedUp(
    'ranged',
    `CREATE TABLE r (a text, v int) PARTITION BY RANGE (a);
     CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (MINVALUE) TO ('Z');
     CREATE TABLE r2 PARTITION OF r FOR VALUES FROM ('Z') TO (MAXVALUE);
     INSERT INTO r VALUES ('B', 1), ('a', 2), ('ä', 3), ('b', 4)`,
    "TEMPLATE template0 LOCALE 'C'",
  );
  await server.psql(
    "CREATE DATABASE ranged_icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8'",
  );
  for (const mode of [[], ['--truncate']]) {
    const restored = await restore(...mode, '--database', 'ranged_icu');
    expect(failureOf(restored)).toBeUndefined();
    expect(await leaves('r', 'a', 'ranged_icu')).toBe('r1|a ä b B');
  }
  expect(await leaves('r', 'a', 'ranged')).toBe('r1|B\nr2|a b ä');
});
