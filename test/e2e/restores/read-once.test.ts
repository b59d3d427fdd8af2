import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { openStore } from '../../../storage/open.ts';
import type { Counts } from '../../bench/sink/counts.ts';
import { type Sink, startSink } from '../../bench/sink/start.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { isEncryptedSuite } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { bigTable } from '../../support/trouble/trouble.ts';

const MEGABYTES = 3;
const SMALL_TABLES = 100;
const KEYS = { AWS_ACCESS_KEY_ID: 'sink', AWS_SECRET_ACCESS_KEY: 'sink' };
const SQL = [
  `CREATE TABLE wanted (id int PRIMARY KEY, v text);
   INSERT INTO wanted SELECT i, md5(i::text) FROM generate_series(1, 10000) i;`,
  ...Array.from(
    { length: SMALL_TABLES },
    (_, i) => `CREATE TABLE t${i} AS SELECT g FROM generate_series(1, 10) g;`,
  ),
].join('\n');

let place: Place;
let sink: Sink;
let servers: TestServer[];
let [config, timestamp] = ['', ''];
let [packBytes, archiveBytes] = [0, 0];
const root = 's3://bucket/root';
const storage = () => ({ endpoint: sink.endpoint, region: 'us-east-1' });

beforeAll(async () => {
  place = await directoryPlace();
  sink = await startSink();
  await sink.keep(true);
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    for (const sql of [...bigTable(MEGABYTES, content), SQL]) await server.psql(sql, DATABASE);
  config = await configFor(place, servers, root, { storage: storage(), functions: 'inline' });
  timestamp = (await stowage(['backup'], { config, env: KEYS })).json.timestamp;
  Object.assign(process.env, KEYS);
  const store = await openStore({ root, s3: storage() });
  for await (const { key, bytes } of store.list('sets/')) {
    if (key.endsWith('.pack')) packBytes += bytes;
    if (!/manifest\/\d+\.json$/.test(key)) continue;
    const part = JSON.parse(
      Buffer.from(await store.read(key, { bytesMax: 10_000_000 })).toString(),
    ) as ManifestPart;
    archiveBytes += part.metadata.find(({ file }) => file === 'schema.dump')?.bytes ?? 0;
  }
  await store.close();
});
beforeEach(() => sink.forgetCounts());
afterAll(async () => {
  await stopAll(servers);
  await sink?.stop();
  await place?.stop();
});

/** Restores into a new database on all servers, and counts what the store has answered. */
async function restored(...flags: string[]): Promise<Counts> {
  const args = ['restore', timestamp, '--create', '--redirect-db', 'again', ...flags];
  expect(failureOf(await stowage(args, { config, env: KEYS }))).toBeUndefined();
  const counts = await sink.counts();
  for (const server of servers) {
    expect(await databasesOf(server)).toContain('again');
    await server.psql('DROP DATABASE again');
  }
  return counts;
}

describe('a restore with --create', () => {
  test('has no phase that reads the set first: it reads every pack once, and every archive of a schema at most three times', async () => {
    const { bytesOutOf } = await restored();
    const store = await openStore({ root, s3: storage() });
    const plans = (await Array.fromAsync(store.list('restores/'))).filter(({ key }) =>
      key.endsWith('/plan.json'),
    );
    const bytes = await store.read(plans[0]?.key ?? '', { bytesMax: 1_000_000 });
    await store.close();
    expect((JSON.parse(Buffer.from(bytes).toString()) as { phases: string[] }).phases).toEqual([
      'pre-data',
      'data',
      'post-data',
      'analyze',
    ]);
    expect(bytesOutOf['pack']).toBe(packBytes);
    // The shipper, and the command: its front first, and all of it to compare the objects.
    expect(bytesOutOf['dump']).toBeLessThanOrEqual(3 * archiveBytes);
  });

  test('of one table out of a hundred asks the store at most 30 times, on two shards', async () => {
    const { requests, bytesOutOf } = await restored('--include-table', 'public.wanted');
    const total = Object.values(requests).reduce((sum, count) => sum + count, 0);
    expect(total, JSON.stringify(requests)).toBeLessThanOrEqual(isEncryptedSuite ? 36 : 30);
    expect(bytesOutOf['pack']).toBeLessThan(packBytes / 5);
    expect(bytesOutOf['dump']).toBe(archiveBytes);
  });
});
