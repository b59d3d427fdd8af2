import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExportReceipt } from '../../../backup-set/documents/export/receipt.ts';
import { failureOf, startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { isEncryptedSuite, testKeys } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let servers: TestServer[];
let [root, config, first, second] = ['', '', '', ''];

const SQL = (content: number) => `
  CREATE TABLE item (id int PRIMARY KEY, name text, price numeric(10,2));
  INSERT INTO item SELECT i * 2 + ${content}, 'item, "' || i || '"', i / 3.0 FROM generate_series(1, 500) i;
  CREATE TABLE big AS SELECT i, md5(i::text) AS t FROM generate_series(1, 100000) i;
  CREATE TABLE event (day date, what text) PARTITION BY RANGE (day);
  CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
  CREATE TABLE event_2 (what text, day date NOT NULL);
  ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
  INSERT INTO event VALUES ('2026-01-05', 'jan ${content}'), ('2026-02-05', 'feb ${content}');
  CREATE SCHEMA other; CREATE TABLE other.item (x int);`;

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries()) await server.psql(SQL(content), DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root);
  first = (await stowage(['backup'], { config })).json.timestamp;
  for (const server of servers) await server.psql('DELETE FROM item WHERE id > 100', DATABASE);
  second = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const run = (...args: string[]) => stowage(args, { config });
const plain = (...args: string[]) => stowage(args, { config, plain: true });
const linesOf = (text: string) => text.trimEnd().split('\n');

async function live(query: string): Promise<string[]> {
  const texts = await Promise.all(
    servers.map((server) => server.psql(`COPY (${query}) TO STDOUT`, DATABASE)),
  );
  return texts.filter(Boolean).flatMap(linesOf);
}

describe('cat', () => {
  test('prints the rows of a table of each set, from all shards', async () => {
    const now = await plain('cat', second, 'public.item');
    expect(failureOf(now)).toBeUndefined();
    expect(linesOf(now.text).sort()).toEqual((await live('TABLE item')).sort());
    const then = await plain('cat', first, 'public.item');
    expect(linesOf(then.text)).toHaveLength(1000);
  });

  test('prints all partitions by the name of their root, with columns in one order', async () => {
    const { text } = await plain('cat', 'latest', 'event', '--columns', 'day,what');
    expect(linesOf(text.replace(/^set .*\n/m, '')).sort()).toEqual(
      (await live('TABLE event')).sort(),
    );
  });

  test('ends with 130 and without a message when its reader has enough', async () => {
    const running = startStowage(['cat', second, 'big'], { config, plain: true });
    running.closeOutput('stdout');
    const { code, text } = await running.ended;
    expect([code, text]).toEqual([130, '']);
  });

  test.each([
    ['item', 'table/ambiguous', /other\.item, public\.item/],
    ['public.Item', 'table/not-found', /the set has public\.item/],
    ['event_3', 'table/not-found', /--all` lists its tables/],
  ])('refuses %s by name', async (table, code, message) => {
    const result = await run('cat', second, table);
    expect(result.json.error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(result.code).toBe(4);
  });
});

describe('export', () => {
  test('writes csv of a set into a file that gzip reads, and says how many rows it has', async () => {
    const file = join(place.folder, 'item.csv.gz');
    const { json, ...result } = await run(
      ...['export', 'public.item', '--at', second, '--header', '--out', file],
    );
    expect(failureOf({ json, ...result })).toBeUndefined();
    expect(json).toMatchObject({ status: 'exported', rows: 99, format: 'csv' });
    const [header, ...rows] = linesOf(gunzipSync(await readFile(file)).toString());
    expect(header).toBe('id,name,price');
    const wanted = servers.map((each) =>
      each.psql('COPY item TO STDOUT WITH (FORMAT csv)', DATABASE),
    );
    expect(rows.sort()).toEqual((await Promise.all(wanted)).flatMap(linesOf).sort());
    const again = await run('export', 'public.item', '--at', second, '--out', file);
    expect([again.code, again.json.error.code]).toEqual([4, 'file/exists']);
  });

  test('writes an object of the bucket and its receipt, once', async () => {
    const args = ['export', 'big', '--at', second, '--compression', 'zstd', '--name', 'big-1'];
    // Exports are not encrypted, and the configuration has recipients.
    if (isEncryptedSuite) args.push('--plain');
    const { section } = await testKeys(place.folder);
    const sealed = await configFor(place, servers, root, { encryption: section() });
    const refused = await stowage([...args, '--accept-plain'], { config: sealed });
    // Without an identity the rows of an encrypted set are not even read.
    const code = isEncryptedSuite ? 'encryption/no-identity' : 'export/impossible';
    expect([refused.code, refused.json.error.code]).toEqual([4, code]);
    const { json, code: exit } = await run(...args);
    expect(exit).toBe(0);
    const other = ['export', 'big', '--at', second, '--name', 'big-2', '--plain', '--accept-plain'];
    const clear = isEncryptedSuite ? json : (await stowage(other, { config: sealed })).json;
    expect(clear).toMatchObject({ status: 'exported', plain: true });
    const store = await place.open(root);
    const read = async (key: string) => Buffer.from(await store.read(key, { bytesMax: 1e8 }));
    const receipt = ExportReceipt.parse(
      JSON.parse((await read('exports/big-1/receipt.json')).toString()),
    );
    expect(receipt).toMatchObject({
      object: { key: 'exports/big-1/rows.text.zst', bytes: json.bytes },
      rows: 200_000,
      from: { set: second, table: 'public.big' },
    });
    const rows = zstdDecompressSync(await read(receipt.object.key)).toString();
    expect(linesOf(rows)).toHaveLength(200_000);
    expect((await run(...args)).json.error.code).toBe('file/exists');
    await store.close();
  });

  test('reads a live table of all shards as of one instant, with a condition', async () => {
    const { text, code } = await plain('export', 'public.item', '--where', 'id < 50');
    expect(code).toBe(0);
    expect(linesOf(text).sort()).toEqual((await live('SELECT * FROM item WHERE id < 50')).sort());
  });

  test('runs a query on one shard', async () => {
    const query = 'SELECT count(*) AS n, 1 AS one FROM item;';
    const { text } = await plain(
      ...['export', '--query', query, '--content', '1', '--format', 'csv', '--header'],
    );
    expect(text).toBe('n,one\n49,1\n');
    const both = await run('export', '--query', query);
    expect(both.json.error).toMatchObject({ code: 'export/impossible' });
  });

  test('leaves no file when a pack of the set is damaged', async () => {
    const store = await place.open(root);
    const packs = await Array.fromAsync(store.list(`sets/${first.slice(0, 8)}/${first}/data/`));
    await store.close();
    const path = join(place.folder, 'damaged.csv');
    for (const { key } of packs) {
      const file = join(new URL(root).pathname, key);
      const bytes = await readFile(file);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      await writeFile(file, bytes);
    }
    const { json, code } = await run('export', 'big', '--at', first, '--out', path);
    expect(json.error).toMatchObject({
      code: 'set/damaged',
      where: { object: expect.stringContaining('.pack') },
    });
    expect(code).toBe(3);
    expect((await readdir(place.folder)).filter((name) => name.includes('damaged'))).toEqual([]);
  });
});
