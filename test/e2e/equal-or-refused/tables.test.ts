import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { repeated } from '../../support/repeats/repeated.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let server: TestServer;
/** Every test has a database and a root of its own. */
let [database, root, config, databases] = ['', '', '', 0];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres();
});
beforeEach(async () => {
  database = `equal${databases++}`;
  await server.psql(`CREATE DATABASE ${database}`);
  root = place.newRoot();
  config = await configFor(place, [server], root, { database });
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const psql = (sql: string, on = database) => server.psql(sql, on);

async function backup(): Promise<string> {
  const result = await stowage(['backup'], { config });
  expect(failureOf(result)).toBeUndefined();
  return result.json.timestamp;
}

async function restores(timestamp: string, ...args: string[]): Promise<void> {
  const result = await stowage(['restore', timestamp, ...args], { config });
  expect(failureOf(result)).toBeUndefined();
}

const STATES = `SELECT string_agg(tgrelid::regclass::text || '.' || tgname || '=' || tgenabled::text, ' ' ORDER BY tgrelid::regclass::text, tgname)
  FROM pg_trigger WHERE tgenabled IN ('A', 'R')`;

describe('a restore with --truncate into tables with ENABLE ALWAYS or REPLICA triggers', () => {
  // Every kind of trigger that COPY or TRUNCATE fires.
  const TABLES = `
    CREATE TABLE t (a int PRIMARY KEY, v text); INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i;
    CREATE TABLE r (LIKE t); INSERT INTO r SELECT * FROM t;
    CREATE TABLE audit (n int); INSERT INTO audit VALUES (-1);
    CREATE TABLE p (a int, v text) PARTITION BY LIST (a);
    CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE TABLE "P 2" PARTITION OF p FOR VALUES IN (2);
    INSERT INTO p SELECT 1 + i % 2, 'v' || i FROM generate_series(1, 100) i;`;
  const TRIGGERS = `
    CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.v := 'CHANGED ' || NEW.v; RETURN NEW; END$$;
    CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.a % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END$$;
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.audit VALUES (1); RETURN NULL; END$$;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not with me'; END$$;
    CREATE TRIGGER "t 1" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION change(); ALTER TABLE t ENABLE ALWAYS TRIGGER "t 1";
    CREATE TRIGGER t2 AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE t ENABLE REPLICA TRIGGER t2;
    CREATE TRIGGER t3 BEFORE TRUNCATE ON t EXECUTE FUNCTION refuse(); ALTER TABLE t ENABLE ALWAYS TRIGGER t3;
    CREATE TRIGGER t4 AFTER INSERT ON t EXECUTE FUNCTION refuse(); ALTER TABLE t ENABLE ALWAYS TRIGGER t4;
    CREATE TRIGGER r1 BEFORE INSERT ON r FOR EACH ROW EXECUTE FUNCTION skip(); ALTER TABLE r ENABLE REPLICA TRIGGER r1;
    CREATE TRIGGER r2 BEFORE TRUNCATE ON r EXECUTE FUNCTION refuse();
    CREATE CONSTRAINT TRIGGER r3 AFTER INSERT ON r DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
    ALTER TABLE r ENABLE ALWAYS TRIGGER r3;
    CREATE TRIGGER p1 BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION skip(); ALTER TABLE p ENABLE ALWAYS TRIGGER p1;
    CREATE RULE aside AS ON INSERT TO r DO INSTEAD NOTHING; ALTER TABLE r ENABLE ALWAYS RULE aside;`;
  const ROWS = `SELECT 't', count(*), md5(string_agg(t::text, '|' ORDER BY a)) FROM t
    UNION ALL SELECT 'r', count(*), md5(string_agg(r::text, '|' ORDER BY a)) FROM r
    UNION ALL SELECT 'p', count(*), md5(string_agg(p::text, '|' ORDER BY a, v)) FROM p
    UNION ALL SELECT 'audit', count(*), string_agg(n::text, ' ') FROM audit`;

  test('gives back exactly the rows of the backup, and leaves every trigger in its state', async () => {
    await psql(TABLES);
    await psql(TRIGGERS);
    const [rows, states] = [await psql(ROWS), await psql(STATES)];
    const timestamp = await backup();
    await psql('SET session_replication_role = origin; DELETE FROM t WHERE a > 10');
    await restores(timestamp, '--truncate');
    expect(await psql(ROWS)).toBe(rows);
    expect(await psql(STATES)).toBe(states);
    expect(states).toContain('t.t 1=A t.t2=R t.t3=A');
  });

  repeated('does so too in a database that a restore with --create has made', async () => {
    await psql(TABLES);
    await psql(TRIGGERS);
    const [rows, states] = [await psql(ROWS), await psql(STATES)];
    const timestamp = await backup();
    const copy = ['--database', `${database}_copy`];
    await restores(timestamp, '--create', ...copy);
    await restores(timestamp, '--truncate', ...copy);
    expect(await psql(ROWS, `${database}_copy`)).toBe(rows);
    expect(await psql(STATES, `${database}_copy`)).toBe(states);
  });

  test('leaves every trigger in its state also when the rows cannot be loaded', async () => {
    await psql(TABLES);
    await psql(TRIGGERS);
    const states = await psql(STATES);
    const timestamp = await backup();
    await psql(
      'ALTER TABLE t ADD CHECK (a < 900) NOT VALID; ALTER TABLE "P 2" ADD CHECK (false) NOT VALID',
    );
    const result = await stowage(['restore', timestamp, '--truncate'], { config });
    expect(result.code).toBe(3);
    expect(await psql(STATES)).toBe(states);
  });

  test('is refused before any change when the role does not own such a table', async () => {
    await psql(TABLES);
    await psql(TRIGGERS);
    const timestamp = await backup();
    await server.psql(
      'CREATE ROLE loader LOGIN; GRANT SET ON PARAMETER session_replication_role TO loader',
    );
    await psql('GRANT ALL ON ALL TABLES IN SCHEMA public TO loader');
    const rows = await psql(ROWS);
    const as = { user: 'loader', binDir: server.binDir };
    const refused = await stowage(['restore', timestamp, '--truncate'], {
      config: await configFor(place, [server], root, { database, connection: as }),
    });
    expect(refused.text).toMatch(
      /table public\..* on content 0 .* has triggers that fire during a restore .*only the owner/,
    );
    expect(refused.code).toBe(4);
    expect(await psql(ROWS)).toBe(rows);
  });
});

describe('a restore with --truncate into a table whose columns differ from the set', () => {
  const TABLE = `CREATE SCHEMA more; CREATE DOMAIN more.short AS varchar(3);
    CREATE TABLE t (a int PRIMARY KEY, n numeric(12,3), at timestamptz, f float8, s more.short, c char(8), b bit(4),
      arr numeric(10,2)[], twice int GENERATED ALWAYS AS (a * 2) STORED);
    INSERT INTO t (a, n, at, f, s, c, b, arr) SELECT i, i + 0.125, '2026-01-01 00:00:00.123456Z'::timestamptz + i * interval '1 s',
      i / 3.0, 'abc', 'x', B'1010', '{1.25}' FROM generate_series(1, 100) i;`;
  const ROWS = 'SELECT count(*), md5(string_agg(t::text, $$|$$ ORDER BY a)) FROM t';

  test.each([
    ['ALTER COLUMN n TYPE numeric(12,1)', /column n of type numeric\(12,1\).* numeric\(12,3\)/],
    ['ALTER COLUMN at TYPE timestamptz(0)', /column at of type timestamp\(0\) with time zone/],
    ['ALTER COLUMN f TYPE real', /column f of type real, which is double precision/],
    ['ALTER COLUMN s TYPE text', /column s of type text, which is more\.short/],
    ['ALTER COLUMN arr TYPE numeric(10,1)[]', /column arr of type numeric\(10,1\)\[\]/],
    ['DROP COLUMN b', /has no column b, which the set has/],
    ['ADD COLUMN later int DEFAULT 5', /has column later, which the set does not have/],
    ['ALTER COLUMN twice DROP EXPRESSION', /has column twice, which is generated in the set/],
    [
      'DROP COLUMN twice, ADD COLUMN twice int GENERATED ALWAYS AS (a * 3) STORED',
      /twice of type integer AS \(\(a \* 3\)\), which is integer AS \(\(a \* 2\)\)/,
    ],
    [
      'DROP COLUMN n, ADD COLUMN n numeric(12,3) GENERATED ALWAYS AS (a) STORED',
      /has a generated column n, and the set has values of it/,
    ],
  ])('is refused after ALTER TABLE … %s, and changes nothing', async (alter, message) => {
    await psql(TABLE);
    const timestamp = await backup();
    await psql(`ALTER TABLE t ${alter}`);
    const rows = await psql(ROWS);
    const { code, text } = await stowage(['restore', timestamp, '--truncate'], { config });
    expect(text).toMatch(message);
    expect(text).toContain('table public.t on content 0');
    expect(code).toBe(4);
    expect(await psql(ROWS)).toBe(rows);
  });

  test('is not refused when only the order of the columns or the constraints differ', async () => {
    await psql(TABLE);
    const timestamp = await backup();
    const sorted =
      'SELECT count(*), md5(string_agg(row(a, n, at, f, s, c, b, arr, twice)::text, $$|$$ ORDER BY a)) FROM t';
    const rows = await psql(sorted);
    await psql(`ALTER TABLE t ADD COLUMN again numeric(12,3); ALTER TABLE t DROP COLUMN n; ALTER TABLE t RENAME again TO n;
      ALTER TABLE t ALTER f SET NOT NULL, ALTER c SET DEFAULT 'z'`);
    await restores(timestamp, '--truncate');
    expect(await psql(sorted)).toBe(rows);
  });
});
