import { execFile } from 'node:child_process';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStowage, stowage, writeConfig } from '../../support/cli.ts';
import { DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import {
  type DatabaseContents,
  databaseContents,
  rolesOf,
  schemaOf,
} from '../../support/e2e/compare.ts';
import { isEncryptedSuite } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';
import { readByHand } from './one-table.ts';
import { type Runbooks, readRunbooks } from './page.ts';
import { shopSql } from './shop.ts';

const execute = promisify(execFile);
type Pair = readonly [TestServer, TestServer];

let place: Place;
let servers: TestServer[];
/** Two shards, and a new cluster without the roles of the shop. */
let shards: Pair;
let others: Pair;
let page: Runbooks;
let [root, timestamp] = ['', ''];
let original: DatabaseContents[];
/** The definitions without owners and rights. */
let withoutRights: string[];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(4);
  const [a, b, c, d] = servers;
  if (!(a && b && c && d)) throw new Error('no server');
  [shards, others] = [
    [a, b],
    [c, d],
  ];
  for (const [content, server] of shards.entries()) {
    await server.psql(`CREATE DATABASE ${DATABASE}`);
    await server.psql(shopSql(content), DATABASE);
  }
  root = place.newRoot();
  await configure('stowage.yaml', shards);
  await configure('new.yaml', others);
  await configure('laptop.yaml', [c, c]);
  page = await readRunbooks(place.folder, a.binDir);
  const config = join(place.folder, 'stowage.yaml');
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
  // cp -a keeps times to the nanosecond: in a directory store they are the ETags.
  await execute('cp', ['-a', fileURLToPath(root), join(place.folder, 'copy')]);
  withoutRights = await Promise.all(
    shards.map((server) => schemaOf(server, DATABASE, '--no-owner', '--no-acl')),
  );
  original = await contentsOf(shards);
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

describe('the command of docs/runbooks.md', () => {
  test('brings a dropped table back with its keys, views and rights, as it was', async () => {
    await onAll(shards, 'DROP TABLE sales.orders CASCADE', DATABASE);
    await runs('A table was dropped');
    expect(await contentsOf(shards)).toEqual(original);
  });

  test('brings a dropped schema back with everything in it, as it was', async () => {
    await onAll(shards, 'DROP SCHEMA sales CASCADE', DATABASE);
    await runs('A schema was dropped');
    expect(await contentsOf(shards)).toEqual(original);
  });

  test('writes the rows that one table had to a file', async () => {
    await onAll(shards, 'UPDATE sales.orders SET amount = 1', DATABASE);
    await runs('Rows are wrong since Tuesday: the old rows as a file', {
      '2026-11-24': '2099-01-01',
      '-h $host': `-h 127.0.0.1 -U ${shards[0].user} -p $host`,
      db0: String(shards[0].port),
      db1: String(shards[1].port),
    });
    const lines = (await readFile(join(place.folder, 'orders.csv'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(801);
    for (const [content, server] of shards.entries()) {
      const own = lines.filter((line) => line.includes(`of ${content},`));
      const loaded = await server.psql(
        `CREATE TEMP TABLE again (LIKE sales.orders);
COPY again FROM STDIN (FORMAT csv);\n${own.join('\n')}\n\\.
SELECT count(*), sum(hashtextextended(t::text, 0)) FROM again t`,
        DATABASE,
      );
      expect(loaded).toBe(original[content]?.rows.get('sales.orders'));
    }
  });

  test('restores a table beside the old one, whose rows can then be corrected', async () => {
    const title = 'Rows are wrong since Tuesday: the old table beside the new one';
    await runs(title, { '2026-11-24': '2099-01-01' });
    for (const [content, server] of shards.entries()) {
      const { rows } = await databaseContents(server, '', DATABASE);
      expect(rows.get('sales.orders_tuesday')).toBe(original[content]?.rows.get('sales.orders'));
      const definition = (name: string) => schemaOf(server, DATABASE, '--table', `sales.${name}`);
      const copy = await definition('orders_tuesday');
      expect(copy.replaceAll('_tuesday', '')).toBe(await definition('orders'));
    }
    await onAll(shards, page.sql(title), DATABASE);
    await onAll(shards, 'DROP TABLE sales.orders_tuesday', DATABASE);
    expect(await contentsOf(shards)).toEqual(original);
  });

  test('restores the cluster elsewhere with its roles, after a restore without them was refused', async () => {
    const refused = await stowageOn('new.yaml', 'restore', 'latest', '--create');
    expect(refused.code).toBe(4);
    for (const server of others) expect(await databasesOf(server)).toEqual([]);
    await runs('The cluster is lost', {}, refused.text);
    expect(await contentsOf(others)).toEqual(original);
    for (const [content, server] of others.entries())
      expect(await rolesOf(server)).toBe(await rolesOf(shards[content] as TestServer));
  });

  test('finishes a restore that was killed', async () => {
    await emptyOthers();
    const restore = startStowage(['restore', timestamp, '--create', '--globals'], {
      config: join(place.folder, 'new.yaml'),
    });
    const id = String((await restore.waitForEvent('request'))['id']);
    const isBegun = "SELECT 1 FROM pg_namespace WHERE nspname = 'stowage_unfinished_restore'";
    await waitFor('the mark', async () => {
      const found = others.map((server) => server.psql(isBegun, DATABASE).catch(() => ''));
      return (await Promise.all(found)).every((one) => one === '1') || undefined;
    });
    restore.kill('SIGKILL');
    expect((await restore.ended).code).toBeNull();
    const again = await stowageOn('new.yaml', 'restore', timestamp, '--create');
    expect(again.text).toContain(`stowage restore --resume ${id}`);
    await runs('A restore was killed', { '20261129121005219-c656e8af': id });
    expect(await contentsOf(others)).toEqual(original);
  });

  test('restores both shards to one server, into a database each', async () => {
    const both = await stowageOn('laptop.yaml', 'restore', 'latest', '--create');
    expect(both.text).toContain('cluster/overlap');
    await runs('A restore to a laptop, one database per shard');
    for (const content of [0, 1]) {
      const [restored] = await contentsOf([others[0]], `shop_${content}`);
      const { rows, sequences, largeObjects } = original[content] as DatabaseContents;
      expect(restored).toMatchObject({ rows, sequences, largeObjects });
      expect(await schemaOf(others[0], `shop_${content}`, '--no-owner', '--no-acl')).toBe(
        withoutRights[content],
      );
    }
  });

  test('restores both shards into one database: the customers once, all other rows of both', async () => {
    await runs('A restore to a laptop');
    const [merged] = await contentsOf([others[0]], 'shop_all');
    const [one, other] = original as [DatabaseContents, DatabaseContents];
    const expected = [...one.rows].map(([table, digest]) => {
      const both = sumOf(digest, other.rows.get(table) ?? '');
      return [table, table === 'kit.customer' ? digest : both] as const;
    });
    // The view has a sum for each customer.
    const totals = merged?.rows.get('office.totals') ?? '';
    expect(totals.split('|')[0]).toBe(one.rows.get('office.totals')?.split('|')[0]);
    expect(merged?.rows).toEqual(new Map([...expected, ['office.totals', totals]]));
    expect(await schemaOf(others[0], 'shop_all', '--no-owner', '--no-acl')).toBe(withoutRights[0]);
  });

  test('restores a lost shard to a new server, and leaves the other one as it is', async () => {
    await emptyOthers();
    await others[1].psql('DROP ROLE clerk; DROP ROLE report');
    const kept = await contentsOf(shards.slice(0, 1));
    await shards[1].stop();
    await configure('stowage.yaml', [shards[0], others[1]]);
    await runs('A shard is lost');
    expect(await contentsOf([others[1]])).toEqual(original.slice(1));
    expect(await contentsOf(shards.slice(0, 1))).toEqual(kept);
  });

  test('restores from the good copy of a damaged set', async () => {
    await emptyOthers();
    await flipByteOfPack();
    const damaged = await stowageOn('new.yaml', 'restore', timestamp, '--create', '--globals');
    expect(damaged.code).toBe(3);
    const replaced = { 's3://elsewhere/shop': copyRoot(), '20261128190000': timestamp };
    await runs('The set is damaged, and there is a good copy', replaced, damaged.text);
    expect(await contentsOf(others)).toEqual(original);
  });
});

// An encrypted set is opened by open-set.mjs: test/integration/encryption/by-hand.test.ts.
describe.skipIf(isEncryptedSuite)('the commands of docs/restore-by-hand.md for one table', () => {
  test('restore the table alone, and copy it with its keys and rights to a database in use', async () => {
    const [server] = others;
    const byHand = await readByHand(place.folder, server);
    const set = { root: join(place.folder, 'copy'), timestamp, content: 0 };
    await byHand.restore(set);
    expect(await filledTables(server)).toEqual(['sales.orders']);
    await server.psql(`CREATE DATABASE world TEMPLATE ${DATABASE}`);
    await server.psql('DROP TABLE sales.orders CASCADE', 'world');
    const names = await readdir(set.root, { recursive: true });
    const archive = names.find((name) => /\/0\/.*schema\.dump$/.test(name)) ?? 'no archive';
    await byHand.copy(join(set.root, archive));
    const { rows } = await databaseContents(server, '', 'world');
    expect(rows.get('sales.orders')).toBe(original[0]?.rows.get('sales.orders'));
    const definition = (database: string) => schemaOf(server, database, '--table=sales.orders');
    expect(await definition('world')).toBe(await definition(DATABASE));
  });

  test('restore a partitioned table with all its partitions', async () => {
    const [, server] = others;
    const byHand = await readByHand(place.folder, server);
    const set = { root: join(place.folder, 'copy'), timestamp, content: 1 };
    await byHand.restore(set, 'office log');
    expect(await filledTables(server)).toEqual(['office.early', 'office.late']);
  });
});

/** The tables with rows in the database `one_table`. */
async function filledTables(server: TestServer): Promise<string[]> {
  const { rows } = await databaseContents(server, '', 'one_table');
  return [...rows].filter(([, digest]) => !digest.startsWith('0|')).map(([name]) => name);
}

/**
 * Runs the commands of a section: they must succeed, and print what the page shows.
 * @param before what an earlier command has printed that the section shows, too.
 */
async function runs(
  title: string,
  replaced: Readonly<Record<string, string>> = {},
  before = '',
): Promise<void> {
  const { code, text } = await page.run(title, replaced);
  expect(code === 0 ? '' : `exit code ${code}: ${text}`).toBe('');
  expect(page.absent(title, before + text), text).toEqual([]);
}

const stowageOn = (config: string, ...args: string[]) =>
  stowage(args, { config: join(place.folder, config), plain: true });

const copyRoot = () => pathToFileURL(join(place.folder, 'copy')).href;

async function emptyOthers(): Promise<void> {
  for (const server of others)
    for (const name of await databasesOf(server))
      await server.psql(`DROP DATABASE ${name} WITH (FORCE)`);
}

async function flipByteOfPack(): Promise<void> {
  const folder = fileURLToPath(root);
  const names = await readdir(folder, { recursive: true });
  const name = names.find((one) => one.endsWith('.pack') && one.includes('/1/'));
  const path = join(folder, name ?? 'no pack');
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 100);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, 100);
  await file.close();
  await execute('touch', ['-r', path.replace(folder, join(place.folder, 'copy')), path]);
}

/** Writes a configuration; a command of the page finds it in its folder. */
function configure(name: string, segments: Pair): Promise<string> {
  const [{ user, binDir }] = segments;
  return writeConfig(join(place.folder, name), {
    root,
    database: DATABASE,
    segments: segments.map(({ host, port }, content) => ({ content, host, port })),
    connection: { user, binDir },
    shippers: { workers: 2 },
  });
}

/** Of two digests `rows|sum`. */
function sumOf(one: string, other: string): string {
  const add = other.split('|').map(BigInt);
  return one
    .split('|')
    .map((part, at) => String(BigInt(part) + (add[at] ?? 0n)))
    .join('|');
}

const onAll = (on: readonly TestServer[], sql: string, database = 'postgres') =>
  Promise.all(on.map((server) => server.psql(sql, database)));

const contentsOf = (of: readonly TestServer[], database = DATABASE) =>
  Promise.all(of.map((server) => databaseContents(server, '', database)));
