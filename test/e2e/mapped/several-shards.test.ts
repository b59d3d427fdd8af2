import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const SHARDS = 4;

/** Keys count in turns. Each shard has all countries, and all currencies in its own order. */
const SQL = (shard: number) => `
CREATE TABLE country (code text PRIMARY KEY, name text NOT NULL);
INSERT INTO country SELECT 'c' || i, 'country ' || i FROM generate_series(1, 50) i;
CREATE TABLE currency (code text, digits int);
INSERT INTO currency SELECT 'm' || i, i FROM generate_series(1, 30) i ORDER BY (i * ${7 + 2 * shard}) % 31;
CREATE SEQUENCE order_ids START ${shard + 1} INCREMENT ${SHARDS};
CREATE TABLE orders (id bigint DEFAULT nextval('order_ids'), day date, country text REFERENCES country, v text,
  PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO orders (day, country, v) SELECT date '2026-01-01' + i % 59, 'c' || 1 + i % 50, 'of ${shard}'
  FROM generate_series(1, ${200 * (shard + 1)}) i;
CREATE TABLE item (id bigint PRIMARY KEY, order_id bigint, day date, FOREIGN KEY (order_id, day) REFERENCES orders);
INSERT INTO item SELECT id, id, day FROM orders;
CREATE SEQUENCE down INCREMENT -1;
SELECT setval('down', ${-10 * (shard + 1)});
CREATE TABLE log (what text);
INSERT INTO log VALUES ('started');
CREATE TABLE setting (k text PRIMARY KEY, v int);
INSERT INTO setting VALUES ('of ${shard}', ${shard});`;

const TABLES = ['country', 'currency', 'orders', 'orders_1', 'item', 'log', 'setting'];
const digestSql = (table: string) =>
  `SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM ${table} t`;

let place: Place;
let servers: TestServer[];
let [source, laptop, one, two, first, second] = ['', '', '', '', '', ''];
/** Of each shard, at the time of the first set. */
let before: Map<string, string>[];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(SHARDS);
  await Promise.all(
    servers.map(async (server, shard) => {
      await server.psql(`CREATE DATABASE ${DATABASE}`);
      await server.psql(SQL(shard), DATABASE);
    }),
  );
  const root = place.newRoot();
  const [a, b, c] = servers;
  if (!(a && b && c)) throw new Error('no server');
  source = await configFor(place, servers, root);
  // Content 1 of the target is a server that was content 2.
  two = await configFor(place, [a, c], root);
  laptop = await configFor(place, [b], root);
  one = await configFor(place, [a], root);
  first = (await stowage(['backup'], { config: source })).json.timestamp;
  before = [await digestsOf([0, 1], DATABASE, ONCE), await digestsOf([2, 3], DATABASE, ONCE)];
  // A second set, whose old rows are in packs of the first one. One key is on two shards.
  await Promise.all(
    servers.map((server, shard) =>
      server.psql(
        `INSERT INTO log VALUES ('again ${shard}'); INSERT INTO setting VALUES ('k${shard % 3}', ${shard})`,
        DATABASE,
      ),
    ),
  );
  second = (await stowage(['backup'], { config: source })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers ?? []);
  await place?.stop();
});

/** Rows and digest of each table; of the references, those of one shard. */
async function digestsOf(
  of: readonly number[],
  database: string,
  once: readonly string[] = [],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const table of TABLES) {
    let [rows, sum] = [0n, 0n];
    for (const shard of once.includes(table) ? of.slice(0, 1) : of) {
      const [count = '0', digest = '0'] =
        (await servers[shard]?.psql(digestSql(table), database))?.split('|') ?? [];
      rows += BigInt(count);
      sum += BigInt(digest);
    }
    found.set(table, `${rows} ${sum}`);
  }
  return found;
}

const ONCE = ['country', 'currency'];
const STATE = `SELECT nextval('order_ids'), nextval('down'),
  (SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'f') AND conparentid = 0 AND conrelid IN ('orders'::regclass, 'item'::regclass))`;

describe('a set of four shards', () => {
  test('is restored into two servers: every row once, references once per server', async () => {
    const result = await stowage(
      [
        'restore',
        first,
        '--create',
        '--map',
        '0,1=0',
        '2,3=1',
        '--reference',
        'public.currency',
        '--redirect-db',
        'merged',
      ],
      { config: two },
    );
    expect(failureOf(result)).toBeUndefined();
    expect(result.json).toMatchObject({
      status: 'restored',
      counted: true,
      map: [
        { to: 0, from: [0, 1] },
        { to: 1, from: [2, 3] },
      ],
      references: [
        { schema: 'public', name: 'currency', why: 'named' },
        { schema: 'public', name: 'country', why: 'primary-key' },
      ],
      loadedFromEach: [{ schema: 'public', name: 'log' }],
    });
    expect(await digestsOf([0], 'merged')).toEqual(before[0]);
    expect(await digestsOf([2], 'merged')).toEqual(before[1]);
    // Shard 1 has drawn 2, 6, … 1598, and shard 3 has drawn 4, 8, … 3200.
    expect(await servers[0]?.psql(STATE, 'merged')).toBe('1602|-21|4');
    expect(await servers[2]?.psql(STATE, 'merged')).toBe('3204|-41|4');
  });
});

describe('a set of four shards, on a laptop,', () => {
  const restore = (...args: string[]) =>
    stowage(['restore', second, '--create', '--map', 'all=0', '--redirect-db', 'one', ...args], {
      config: laptop,
    });

  test('is not called restored when two shards have one key: table, key and contents are named', async () => {
    const result = await restore('--reference', 'public.currency');
    expect(result.code).toBe(3);
    expect(result.json.status).toBe('failed');
    const conflicts = result.json.problems.filter(({ code }) => code === 'key-conflict');
    expect(conflicts).toEqual([
      expect.objectContaining({
        relation: { schema: 'public', name: 'setting' },
        message: expect.stringMatching(
          /contents 0, 1, 2, 3 of the set .*setting_pkey.*\(k\)=\(k0\).*--reference public\.setting/,
        ) as string,
      }),
    ]);
    const again = await restore();
    expect(again.json.error.message).toContain('--create --drop-unfinished --map 0,1,2,3=0');
    // The key is corrected by hand, and the restore goes on.
    await servers[1]?.psql("UPDATE setting SET k = 'of shard 3' WHERE k = 'k0' AND v = 3", 'one');
    const id = /--resume (\S+?)`/.exec(again.json.error.message)?.[1] ?? '';
    const resumed = await stowage(['restore', '--resume', id], { config: laptop });
    expect(failureOf(resumed)).toBeUndefined();
    await servers[1]?.psql('DROP DATABASE one');
  });

  test('is restored without the table, from packs of two sets', async () => {
    const result = await restore('--reference', '*.currency', '--exclude-table', '*.setting');
    expect(failureOf(result)).toBeUndefined();
    const expected = await digestsOf([0, 1, 2, 3], DATABASE, ONCE);
    await servers[1]?.psql('CREATE TABLE setting (k text, v int)', 'one');
    expected.set('setting', '0 0');
    expect(await digestsOf([1], 'one')).toEqual(expected);
    await servers[1]?.psql('DROP DATABASE one');
  });

  test.each([
    [['--map', '0,1,2=0'], 4, 'content 3 of the set is in no rule', 'map'],
    [['--map', '0-3=7'], 2, 'the configuration has no segment with content 7', 'map'],
    [
      ['--map', '0-3=0', '--reference', 'public.log'],
      4,
      'the rows of public.log are not equal',
      'reference',
    ],
  ])('is refused with %j, and the field is named', async (flags, code, message, field) => {
    const result = await stowage(['restore', second, '--create', ...flags, '--redirect-db', 'no'], {
      config: laptop,
    });
    expect(result.json.error.message).toContain(message);
    expect(result.json.error.where.field).toBe(field);
    expect(result.code).toBe(code);
  });

  test('is refused without a map, and the refusal names it', async () => {
    const result = await stowage(['restore', first, '--create', '--redirect-db', 'no'], {
      config: one,
    });
    expect(result.code).toBe(4);
    expect(result.text).toContain('--map says which contents of the set go into which server');
    expect(await databasesOf(servers[0] as TestServer)).not.toContain('no');
  });
});
