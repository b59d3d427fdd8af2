import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliResult, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

/** A table has the name of its schema, a column too, and a view reads both. */
const salesSql = (content: number) => `
CREATE SCHEMA common;
CREATE TABLE common.country (code text PRIMARY KEY);
INSERT INTO common.country VALUES ('NL');
CREATE SCHEMA sales;
SET check_function_bodies = off;
CREATE TYPE sales.mood AS ENUM ('sad', 'ok');
CREATE FUNCTION sales.double(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * i';
CREATE FUNCTION sales.total() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM sales.orders';
CREATE FUNCTION sales.touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''touched''; RETURN NEW; END';
CREATE SEQUENCE sales.alone;
SELECT setval('sales.alone', 77);
CREATE TABLE sales.sales (id int PRIMARY KEY, sales text, orders int);
CREATE TABLE sales.orders (
  id serial PRIMARY KEY,
  number int GENERATED ALWAYS AS IDENTITY,
  mood sales.mood DEFAULT 'ok',
  country text DEFAULT 'NL' REFERENCES common.country,
  sale int REFERENCES sales.sales,
  twice int GENERATED ALWAYS AS (sales.double(id)) STORED,
  note text DEFAULT 'sales.orders',
  UNIQUE (number),
  CONSTRAINT positive CHECK (sales.double(id) > 0)
);
CREATE INDEX by_note ON sales.orders (note) WHERE sales.double(id) > 2;
CREATE STATISTICS sales.orders_stats ON mood, note FROM sales.orders;
CREATE TRIGGER touch BEFORE UPDATE ON sales.orders FOR EACH ROW WHEN (old.id > 0) EXECUTE FUNCTION sales.touched();
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON sales.orders USING (EXISTS (SELECT FROM sales.sales WHERE sales.orders = orders.id));
COMMENT ON TABLE sales.orders IS 'the orders of sales.orders';
COMMENT ON INDEX sales.by_note IS 'one';
COMMENT ON CONSTRAINT orders_pkey ON sales.orders IS 'two';
CREATE TABLE sales.items (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE sales.items_2025 PARTITION OF sales.items FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE sales.later PARTITION OF sales.items DEFAULT PARTITION BY LIST (id);
CREATE TABLE sales.later_1 PARTITION OF sales.later DEFAULT;
CREATE VIEW sales.readable AS SELECT sales.orders, sales.sales, orders.mood, sales.double(orders.id)
  FROM sales.sales JOIN sales.orders ON orders.sale = sales.id;
CREATE MATERIALIZED VIEW sales.stored AS SELECT mood, count(*) FROM sales.orders GROUP BY 1;
CREATE TABLE sales."Größe ""x"".y" ("Sales" int PRIMARY KEY);
INSERT INTO sales.sales VALUES (1, 'one', 1);
INSERT INTO sales.orders (sale, note) SELECT 1, 'n' || i || '${content}' FROM generate_series(1, 50) i;
INSERT INTO sales.items SELECT i, date '2025-12-01' + i FROM generate_series(1, 60) i;
INSERT INTO sales."Größe ""x"".y" VALUES (${content});
REFRESH MATERIALIZED VIEW sales.stored;`;

let place: Place;
let servers: TestServer[];
let [config, timestamp] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  await Promise.all(servers.map((server, content) => server.psql(salesSql(content), DATABASE)));
  config = await configFor(place, servers, place.newRoot());
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const restore = (...args: string[]): Promise<CliResult> =>
  stowage(['restore', timestamp, ...args], { config });

const onAll = (sql: string) => Promise.all(servers.map((server) => server.psql(sql, DATABASE)));

/** What pg_dump says of a schema or a table, without what differs from run to run. */
async function definitions(server: TestServer, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(server.binDir, 'pg_dump'), [
    ...['-s', '-h', server.host, '-p', String(server.port), '-U', server.user],
    ...[...args, DATABASE],
  ]);
  return stdout.replace(/^\\(?:un)?restrict .*$/gm, '');
}

const ROWS = 'SELECT count(*), sum(hashtext(orders::text)::bigint) FROM';

test('--as restores a table beside the old one, with indexes, keys and sequences of its own', async () => {
  const before = await onAll(`${ROWS} sales.orders`);
  await onAll('DELETE FROM sales.orders WHERE id > 5');
  const original = await Promise.all(servers.map((one) => definitions(one, '-n', 'sales')));
  const result = await restore('--table', 'sales.orders', '--as', 'sales.orders_0300');
  expect(result.json).toMatchObject({ status: 'restored', counted: true, objects: { missing: 0 } });
  expect(result.code).toBe(0);
  expect(await onAll(`${ROWS} sales.orders_0300 AS orders`)).toEqual(before);
  expect(await onAll('SELECT count(*) FROM sales.orders')).toEqual(['5', '5']);
  expect(await onAll("SELECT nextval('sales.orders_0300_id_seq')")).toEqual(['51', '51']);
  expect(
    await onAll(`SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text) FROM pg_index
      WHERE indrelid = 'sales.orders_0300'::regclass`),
  ).toEqual(
    Array(2).fill('sales.by_note_0300 sales.orders_0300_number_key sales.orders_0300_pkey'),
  );
  await onAll('DROP TABLE sales.orders_0300');
  const after = await Promise.all(servers.map((one) => definitions(one, '-n', 'sales')));
  expect(after).toEqual(original);
});

test('--into-schema restores everything of a schema beside the old one, and is refused the second time', async () => {
  const args = ['--include-schema', 'sales', '--into-schema', 'sales_old'];
  const result = await restore(...args);
  expect(result.json).toMatchObject({ status: 'restored', counted: true, objects: { missing: 0 } });
  expect(result.code).toBe(0);
  expect(result.json).toMatchObject({
    usesOriginal: ['FUNCTION sales.total()', 'TABLE sales.orders'],
  });
  for (const server of servers) {
    const [old, copy] = [
      await definitions(server, '-n', 'sales'),
      await definitions(server, '-n', 'sales_old'),
    ];
    // pg_dump sorts by name: the order of both is the same.
    expect(copy.replaceAll('sales_old', 'sales')).toBe(old);
  }
  expect(
    await onAll("SELECT nextval('sales_old.alone'), nextval('sales_old.orders_id_seq')"),
  ).toEqual(['78|51', '78|51']);
  expect(await onAll('SELECT count(*), sum(count) FROM sales_old.stored')).toEqual([
    '1|50',
    '1|50',
  ]);
  const two = await restore('--include-schema', '*', '--into-schema', 'both');
  expect(two.text).toContain('the selection has tables of 2 schemas (common, sales)');
  expect(two.code).toBe(4);
  const again = await restore(...args);
  expect(again.text).toMatch(/already exists on content \d .*Drop it, or choose another name/);
  expect(again.code).toBe(4);
});

test('a copy whose last phase failed is resumed under its name, and a partition can be copied alone', async () => {
  await onAll(`CREATE FUNCTION public.reject() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no index''; END';
    CREATE EVENT TRIGGER reject ON ddl_command_end WHEN TAG IN ('CREATE INDEX', 'ALTER INDEX') EXECUTE FUNCTION public.reject()`);
  const failed = await restore('--table', 'sales.items', '--as', 'common."items of 3 a.m."');
  expect(failed.text).toContain('no index');
  expect(failed.code).toBe(3);
  await onAll('DROP EVENT TRIGGER reject');
  const resumed = await stowage(
    ['restore', '--resume', String((failed.json as { id?: string }).id)],
    { config },
  );
  expect(resumed.json).toMatchObject({
    status: 'restored',
    counted: true,
    objects: { missing: 0 },
  });
  const part = await restore('--table', 'sales.items_2025', '--as', 'sales.december');
  expect(part.json).toMatchObject({ status: 'restored', counted: true, objects: { missing: 0 } });
  expect(
    await onAll(`SELECT count(*), (SELECT count(*) FROM sales.items),
      (SELECT relispartition FROM pg_class WHERE oid = 'sales.december'::regclass),
      (SELECT count(*) FROM sales.december) FROM common."items of 3 a.m."`),
  ).toEqual(Array(2).fill('60|60|f|30'));
});

test('a table with a partition in another schema is refused with --into-schema, and --as copies it', async () => {
  await onAll(`CREATE SCHEMA archive;
    CREATE TABLE common.days (day int) PARTITION BY LIST (day);
    CREATE TABLE archive.days_1 PARTITION OF common.days DEFAULT;
    INSERT INTO common.days VALUES (1), (2)`);
  const { json } = await stowage(['backup'], { config });
  const of = (...args: string[]) => stowage(['restore', json.timestamp, ...args], { config });
  const args = ['--include-schema', 'common', '--into-schema', 'copy'];
  for (const more of [[], ['--create', '--redirect-db', 'new'], ['--dry-run']]) {
    const refused = await of(...args, ...more);
    expect(refused.text).toContain(
      'archive.days_1, a partition of common.days, is in schema archive: leave the table out',
    );
    expect(refused.code).toBe(4);
  }
  const copy = await of('--table', 'common.days', '--as', 'common.copy');
  expect(copy.json).toMatchObject({ status: 'restored', counted: true, objects: { missing: 0 } });
  expect(await onAll('SELECT count(*) FROM common.copy')).toEqual(['2', '2']);
});
