import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let [source, target]: TestServer[] = [];
let root = '';

/** Settings that change what a literal or a row means, or that end a session. */
const HOSTILE: Readonly<Record<string, string>> = {
  statement_timeout: '700ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '500ms',
  idle_session_timeout: '500ms',
  datestyle: 'SQL, DMY',
  intervalstyle: 'iso_8601',
  timezone: 'Asia/Kathmandu',
  client_encoding: 'LATIN1',
  standard_conforming_strings: 'off',
  backslash_quote: 'off',
  escape_string_warning: 'off',
  search_path: 'nix',
  bytea_output: 'escape',
  xmloption: 'document',
  xmlbinary: 'hex',
  extra_float_digits: '-10',
  default_tablespace: 'g_ts',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  check_function_bodies: 'on',
  row_security: 'off',
  transform_null_equals: 'on',
  array_nulls: 'off',
  quote_all_identifiers: 'on',
  client_min_messages: 'error',
  session_replication_role: 'local',
  default_transaction_read_only: 'on',
  default_toast_compression: 'lz4',
};

const DATA = `
  CREATE TABLE t (id serial PRIMARY KEY, d date, ts timestamptz, i interval, f float8, r real, b bytea, a text[], x xml, s text, n text[] DEFAULT '{NULL,b}');
  INSERT INTO t (d, ts, i, f, r, b, a, x, s) VALUES
    ('2026-03-04', '2026-03-04 05:06:07.123456+00', '-1 year -2 mons +3 days -04:05:06', 0.1 + 0.2, 1e-7, '\\x00ff5c27', '{NULL,"NULL",a}', XMLPARSE(CONTENT 'two <a/> <b/>'), E'back\\\\slash \\'quote\\' € 😀 \\n'),
    ('0044-03-15 BC', 'infinity', '1 day -00:00:01', 'NaN', '-Infinity', '', '{{NULL,b},{c,NULL}}', '<a/>', ''),
    (NULL, '1900-01-01 00:00:00+00', '100000 hours', 1.7976931348623157e308, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE many AS SELECT n, md5(n::text) AS v FROM generate_series(1, 50000) n; ALTER TABLE many ADD PRIMARY KEY (n);
  ALTER TABLE t ADD m int REFERENCES many; UPDATE t SET m = id;
  CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS 'SELECT 1';
  CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 2 * n; END$$;
  CREATE VIEW nothing AS SELECT * FROM t WHERE s = NULL::text;
  CREATE MATERIALIZED VIEW late AS SELECT count(*) AS n, twice(1) FROM many, pg_sleep(1);
  SELECT nextval('t_id_seq'); CREATE SEQUENCE "it's" START 7;
  SELECT lo_from_bytea(0, '\\x5c00ff');
  COMMENT ON TABLE t IS E'a\\\\b ''c'' €';`;
/** Under fixed settings, so that equal rows give equal text. */
const ROWS = `SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3;
  SELECT t::text FROM t ORDER BY id; SELECT count(*), md5(string_agg(many::text, '|' ORDER BY n)) FROM many;
  SELECT * FROM late; SELECT count(*) FROM nothing; SELECT pg_get_viewdef('nothing'::regclass);
  SELECT pg_get_expr(adbin, adrelid), count(*) FILTER (WHERE n[1] IS NULL) FROM pg_attrdef, t WHERE adrelid = 't'::regclass AND adnum = 11 GROUP BY 1;
  INSERT INTO t (id) VALUES (99); SELECT n[1] IS NULL FROM t WHERE id = 99; DELETE FROM t WHERE id = 99; SELECT last_value, is_called FROM t_id_seq; SELECT last_value FROM "it's";
  SELECT string_agg(data, '') FROM pg_largeobject; SELECT obj_description('t'::regclass);
  SELECT count(*) FROM pg_class WHERE reltablespace <> 0 AND relnamespace = 'public'::regnamespace`;

beforeAll(async () => {
  place = await directoryPlace();
  [source, target] = await startCluster(2);
  root = place.newRoot();
});
afterAll(async () => {
  await stopAll([source, target].filter((server) => server !== undefined));
  await place?.stop();
});

async function makeHostile(server: TestServer, settings = HOSTILE): Promise<void> {
  await server.psql("SET allow_in_place_tablespaces = on; CREATE TABLESPACE g_ts LOCATION ''");
  const set = Object.entries(settings).map(([name, value]) => {
    const list = name === 'datestyle' ? value : `'${value}'`;
    return `ALTER ROLE postgres SET ${name} = ${list};`;
  });
  await server.psql(set.join('\n'));
}

const peaceful = (server: TestServer) =>
  server.psql('SET default_transaction_read_only = off; ALTER ROLE postgres RESET ALL');

test('a restore by a role with hostile settings gives the rows of the backup, with --create and with --truncate', async () => {
  if (source === undefined || target === undefined) throw new Error('no servers');
  await source.psql('CREATE DATABASE calm');
  await source.psql(DATA, 'calm');
  const rows = await source.psql(ROWS, 'calm');
  const config = await configFor(place, [source], root, { database: 'calm' });
  const backup = await stowage(['backup'], { config });
  expect(failureOf(backup)).toBeUndefined();
  const there = await configFor(place, [target], root, { database: 'calm' });
  for (const mode of ['--create', '--truncate']) {
    await makeHostile(target);
    const restore = await stowage(['restore', backup.json.timestamp, mode], { config: there });
    await peaceful(target);
    await target.psql('DROP TABLESPACE g_ts');
    expect(failureOf(restore)).toBeUndefined();
    expect(await target.psql(ROWS, 'calm')).toBe(rows);
  }
});

test('a backup by a role with hostile settings holds the same rows', async () => {
  if (source === undefined || target === undefined) throw new Error('no servers');
  await source.psql('CREATE DATABASE rough');
  await source.psql(DATA, 'rough');
  const rows = await source.psql(ROWS, 'rough');
  await makeHostile(source);
  const config = await configFor(place, [source], root, { database: 'rough' });
  const backup = await stowage(['backup'], { config });
  await peaceful(source);
  expect(failureOf(backup)).toBeUndefined();
  const there = await configFor(place, [target], root, { database: 'rough' });
  const restore = await stowage(['restore', backup.json.timestamp, '--create'], { config: there });
  expect(failureOf(restore)).toBeUndefined();
  expect(await target.psql(ROWS, 'rough')).toBe(rows);
});
