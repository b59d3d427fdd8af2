import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { clustersUnderTest, withoutGreenplum } from '../support/cluster.ts';
import { misplacedRowsOf } from '../support/compare.ts';
import { configFor, databaseOn, freshName, type TestDatabase } from '../support/database.ts';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();
const SQL = [
  'CREATE SCHEMA sales',
  'CREATE TABLE sales.customers (id serial PRIMARY KEY, email text UNIQUE)',
  'CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY, customer integer REFERENCES sales.customers, total numeric, PRIMARY KEY (customer, id))',
  'CREATE TABLE sales.events (at date, doc json) PARTITION BY RANGE (at)',
  `CREATE TABLE sales.events_1 PARTITION OF sales.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
  'CREATE TABLE sales.docs (doc json)',
  'CREATE TABLE sales.countries (code text, "Long name" text)',
  'CREATE VIEW sales.totals AS SELECT customer, sum(total) AS total FROM sales.orders GROUP BY customer',
  'INSERT INTO sales.customers (email) SELECT g || $$@x$$ FROM generate_series(1, 500) g',
  'INSERT INTO sales.orders (customer, total) SELECT 1 + g % 500, g / 7.0 FROM generate_series(1, 3000) g',
  `INSERT INTO sales.events SELECT date '2026-01-01' + g % 300, '{"a": 1}' FROM generate_series(1, 1000) g`,
  `INSERT INTO sales.docs SELECT '{}' FROM generate_series(1, 20)`,
  `INSERT INTO sales.countries VALUES ('x', E'\\\\.')`,
];
const POLICIES = 'sales.countries DISTRIBUTED REPLICATED\nsales.events_1 DISTRIBUTED BY (at)\n';

describe.skipIf(withoutGreenplum)('a dump of PostgreSQL', () => {
  let place: Place;
  let server: TestServer;
  let dump: string;
  const made: TestDatabase[] = [];

  beforeAll(async () => {
    [place, server] = await Promise.all([directoryPlace(), startPostgres({ databases: ['shop'] })]);
    await server.psql(SQL.join(';\n'), 'shop');
    dump = join(place.folder, 'shop.dump');
    const { host, port, user } = server;
    const env = { PATH: process.env['PATH'], PGHOST: host, PGPORT: String(port), PGUSER: user };
    const args = ['--format=custom', '--file', dump, 'shop'];
    await promisify(execFile)(join(server.binDir, 'pg_dump'), args, { env });
    await writeFile(join(place.folder, 'distribution.txt'), POLICIES);
  });

  afterAll(async () => {
    for (const database of made) await database.drop();
    await Promise.all([server?.stop(), place?.stop()]);
  });

  const cases = clusters.filter(({ major, segments }) => major === 6 && segments.length > 1);

  test.each(cases)(
    'restores into $segments.length segments, with the clauses of a file and of the primary keys',
    async (cluster) => {
      const target = databaseOn(cluster, freshName());
      made.push(target);
      const config = await configFor(place, target, place.newRoot());
      const timestamp = '20260102030405';
      const adopted = await stowage(
        [
          ...['adopt', 'pg_dump', dump, '--timestamp', timestamp],
          ...['--distributed-by', join(place.folder, 'distribution.txt')],
        ],
        { config },
      );
      expect(failureOf(adopted)).toBeUndefined();
      expect(adopted.text).toContain('customers_email_key');
      const restored = await stowage(
        [
          ...['restore', timestamp, '--create', '--no-owner', '--no-acl'],
          ...['--redirect-db', target.name],
        ],
        { config },
      );
      expect(failureOf(restored)).toBeUndefined();
      const counts =
        'SELECT (SELECT count(*) FROM sales.customers), (SELECT count(*) FROM sales.orders), (SELECT count(*) FROM sales.events_1), (SELECT "Long name" FROM sales.countries), (SELECT count(*) FROM sales.totals)';
      expect((await target.psql(counts)).trim()).toBe('500|3000|1000|\\.|500');
      const policies = `SELECT relname, pg_get_table_distributedby(oid) FROM pg_class
      WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sales') AND relkind = 'r' ORDER BY 1`;
      expect((await target.psql(policies)).trim().split('\n')).toEqual([
        'countries|DISTRIBUTED REPLICATED',
        'customers|DISTRIBUTED BY (id)',
        'docs|DISTRIBUTED RANDOMLY',
        'events|DISTRIBUTED BY (at)',
        'events_1|DISTRIBUTED BY (at)',
        'orders|DISTRIBUTED BY (customer, id)',
      ]);
      expect(await misplacedRowsOf(target)).toEqual([]);
      const next = await target.psql("SELECT nextval('sales.orders_id_seq') > 3000");
      expect(next.trim()).toBe('t');
    },
  );
});
