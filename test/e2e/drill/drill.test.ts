import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Verdict } from '../../../backup-set/base/verdict.ts';
import { type CliResult, failureOf, startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { readUntil } from '../../support/wait-for.ts';

/** Owners, a policy for a role, a key to another table, a partitioned table. */
const SQL = `
CREATE ROLE clerk; CREATE ROLE "Odd ""role";
CREATE TABLE country (code text PRIMARY KEY);
INSERT INTO country SELECT 'c' || i FROM generate_series(1, 50) i;
CREATE TABLE orders (id int PRIMARY KEY, country text REFERENCES country, price float8, note text);
INSERT INTO orders SELECT i, 'c' || i % 50 + 1, i / 7.0, repeat('n', i % 40) || E'\\t\\n' FROM generate_series(1, 3000) i;
ALTER TABLE orders OWNER TO clerk;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON orders TO "Odd ""role" USING (id > 0);
CREATE TABLE items (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE items_old PARTITION OF items FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE items_new PARTITION OF items DEFAULT;
INSERT INTO items SELECT i, date '2025-12-01' + i FROM generate_series(1, 60) i;`;

let place: Place;
let servers: TestServer[];
let scratch: TestServer[];
let [config, timestamp, folder] = ['', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  // PostgreSQL of a drill runs as another user when the test runs as root.
  folder = await mkdtemp(join(tmpdir(), 'drill-'));
  await chmod(folder, 0o1777);
  [servers, scratch] = await Promise.all([
    startCluster(2, { databases: [DATABASE] }),
    startCluster(2, { databases: [] }),
  ]);
  await Promise.all(servers.map((server) => server.psql(SQL, DATABASE)));
  config = await configFor(place, servers, place.newRoot());
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll([...(servers ?? []), ...(scratch ?? [])]);
  await place?.stop();
  await rm(folder, { recursive: true, force: true });
});

const drill = (...flags: string[]) =>
  stowage(['drill', ...flags], { config, env: { TMPDIR: folder } });
const verdictOf = ({ json }: CliResult) => Verdict.parse(json);
const left = () => readdir(folder);

test('a drill into throwaway servers restores a sample, compares it, and leaves nothing', async () => {
  const result = await drill('--throwaway', '--sample', '2');
  expect(failureOf(result)).toBeUndefined();
  const { level, status, drill: facts } = verdictOf(result);
  expect([level, status]).toEqual(['drill', 'complete']);
  expect(facts).toMatchObject({ target: 'throwaway', scope: 'sample', contents: [0, 1] });
  expect(facts?.compared.rows).toBe(facts?.restored.rows);
  expect(facts?.compared.rows).toBeGreaterThan(0);
  expect(await left()).toEqual([]);
  const [listed] = (await stowage(['list'], { config })).json.sets;
  expect(listed).toMatchObject({ status: 'complete', drill: { status: 'passed' } });
});

test('a drill of the whole set into a scratch cluster compares all rows and drops the databases', async () => {
  const into = await configFor(place, scratch, place.newRoot());
  // A policy names this role, and a drill creates no roles on servers that it has not made.
  for (const server of scratch) await server.psql('CREATE ROLE "Odd ""role"', 'postgres');
  const result = await drill(timestamp, '--into', into, '--all');
  expect(failureOf(result)).toBeUndefined();
  const { drill: facts } = verdictOf(result);
  expect(facts).toMatchObject({
    target: 'scratch',
    restored: { relations: 4, rows: 6220 },
    compared: { relations: 4, rows: 6220 },
    leftOut: 0,
  });
  expect(facts?.wholeMs).toBe(facts?.restoreMs);
  for (const server of scratch) expect(await databasesOf(server)).toEqual([]);
});

test('a drill refuses the cluster of the set, and a server with tables, before it changes anything', async () => {
  const source = await drill('--into', config);
  expect(source.code).toBe(4);
  expect(source.json.error).toMatchObject({ code: 'restore/refused' });
  expect(source.json.error.message).toMatch(/is a server that the set was made of/);
  await scratch[1]?.psql('CREATE TABLE precious (id int)', 'postgres');
  const into = await configFor(place, scratch, place.newRoot());
  const inhabited = await drill('--into', into);
  await scratch[1]?.psql('DROP TABLE precious', 'postgres');
  expect(inhabited.code).toBe(4);
  expect(inhabited.json.error.message).toMatch(/has tables that no drill made.*public\.precious/);
  for (const server of servers) expect(await databasesOf(server)).toEqual([DATABASE]);
});

test('a drill that SIGINT ends in the middle of its restore leaves no server and no folder', async () => {
  const cli = startStowage(['drill', '--throwaway', '--all'], {
    config,
    env: { TMPDIR: folder },
  });
  await cli.waitForEvent('request');
  cli.kill('SIGINT');
  expect((await cli.ended).code).toBe(130);
  expect(await readUntil(left, (names) => names.length === 0)).toEqual([]);
});

test('a drill of a damaged set fails, and its verdict names the damage', async () => {
  const store = await place.open((await stowage(['list'], { config })).json.root);
  const packs = await Array.fromAsync(
    store.list(`sets/${timestamp.slice(0, 8)}/${timestamp}/data/`),
  );
  const [pack] = packs;
  const bytes = Buffer.from(await store.read(pack?.key ?? '', { bytesMax: 1e8 }));
  bytes[20] = (bytes[20] ?? 0) ^ 0xff;
  await store.delete([pack?.key ?? '']);
  await store.create(pack?.key ?? '', bytes);
  await store.close();
  const into = await configFor(place, scratch, place.newRoot());
  const result = await drill('--into', into, '--all');
  expect(result.code).toBe(3);
  const { status, problems, drill: facts } = verdictOf(result);
  expect(status).toBe('incomplete');
  expect(problems.map(({ object }) => object)).toContain(pack?.key);
  expect(facts?.restored.relations).toBe(0);
  const [listed] = (await stowage(['list'], { config })).json.sets;
  expect(listed).toMatchObject({ verdict: { level: 'validate' }, drill: { status: 'failed' } });
  const shown = await stowage(['show', timestamp], { config, plain: true });
  expect(shown.text).toMatch(new RegExp(`drill of set ${timestamp} FAILED`));
  for (const server of scratch) expect(await databasesOf(server)).toEqual([]);
});
