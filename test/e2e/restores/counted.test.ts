import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../../backup-set/base/document.ts';
import { formatKey, PHASES } from '../../../backup-set/base/keys.ts';
import { RestoreReceipt } from '../../../backup-set/documents/restore/restore.ts';
import { doneReceipt } from '../../../backup-set/testing/done-receipt.ts';
import { storeCounts } from '../../integration/functions/restores.ts';
import { type CliResult, type RunningCli, startStowage, stowage } from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const TARGET = 'target';
/** A heap with an extension's condition, a partitioned table, and rows behind row security. */
const SQL = `
CREATE TABLE many AS SELECT i FROM generate_series(1, 1000) i;
CREATE TABLE few AS SELECT i FROM generate_series(1, 5) i;
CREATE TABLE none (i int);
CREATE TABLE part (i int) PARTITION BY LIST (i);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
INSERT INTO part VALUES (1), (1), (2);
CREATE TABLE parent (i int);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1), (2);
CREATE TABLE hidden AS SELECT i FROM generate_series(1, 7) i;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
ALTER TABLE hidden FORCE ROW LEVEL SECURITY;
CREATE TABLE configuration AS SELECT i FROM generate_series(1, 10) i;
UPDATE pg_extension SET extconfig = ARRAY['configuration'::regclass::oid], extcondition = ARRAY['WHERE i > 6']
WHERE extname = 'plpgsql';
INSERT INTO pg_depend VALUES ('pg_class'::regclass, 'configuration'::regclass, 0, 'pg_extension'::regclass,
  (SELECT oid FROM pg_extension WHERE extname = 'plpgsql'), 0, 'e');
`;
const TABLES = ['many', 'few', 'none', 'part_1', 'part_2', 'parent', 'child', 'hidden'];

let place: Place;
let servers: TestServer[];
let [root, config, byAgents, timestamp] = ['', '', '', ''];
let agent: RunningAgent | undefined;

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const server of servers) await server.psql(SQL, DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root);
  byAgents = await configFor(place, servers, root, { shippers: { workers: 2, start: 'agents' } });
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterEach(async () => {
  agent?.kill('SIGKILL');
  await agent?.ended;
  agent = undefined;
  for (const server of servers ?? [])
    for (const name of await databasesOf(server))
      if (name !== DATABASE) await server.psql(`DROP DATABASE ${name} WITH (FORCE)`);
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const restoreArgs = (...more: string[]) => ['restore', timestamp, '--database', TARGET, ...more];

const CHOSEN = TABLES.flatMap((table) => ['--include-table', `public.${table}`]);

async function startAgentFor(...contents: number[]): Promise<void> {
  const serves = new Map(contents.map((content) => [content, servers[content] as TestServer]));
  agent = await startAgent({ place, root, name: 'counting', serves });
}

/** The problems of a restore as texts. */
const problemsOf = ({ json }: CliResult) =>
  json.problems.map(({ code, content, relation }) => `${code} ${content} ${relation?.name ?? ''}`);

describe('a restore', () => {
  test('counts the rows of every table, and says so', async () => {
    const { code, json, stderrEvents } = await stowage(restoreArgs('--create', ...CHOSEN), {
      config,
    });
    expect(json).toMatchObject({ status: 'restored', counted: true, problems: [] });
    expect(code).toBe(0);
    expect(stderrEvents).toContainEqual(
      expect.objectContaining({ event: 'counting', segments: 2, relations: TABLES.length }),
    );
    expect(stderrEvents).toContainEqual(
      expect.objectContaining({ event: 'counted', relations: 2 * TABLES.length, problems: 0 }),
    );
    const again = await stowage(restoreArgs('--truncate', ...CHOSEN), { config, plain: true });
    expect(again.text).toContain('counting the rows of 8 tables on 2 servers');
    expect(again.text).toMatch(/restored 2,\d\d\d rows in 8 tables .*, and counted them \(/);
    expect(await leftoversOnAll(servers)).toEqual([]);
  });

  test('counts nothing with --no-count, and says so', async () => {
    const args = restoreArgs('--create', '--no-count', ...CHOSEN);
    const { json, stderrEvents } = await stowage(args, { config });
    expect(json).toMatchObject({ status: 'restored', counted: false });
    expect(stderrEvents.filter(({ event }) => event === 'counting')).toEqual([]);
    const plain = restoreArgs('--truncate', '--no-count', ...CHOSEN);
    expect((await stowage(plain, { config, plain: true })).text).toContain(
      '; their rows were not counted (--no-count)',
    );
  });

  test("counts only the user's rows of an extension's configuration table", async () => {
    for (const server of servers) {
      await server.psql(`CREATE DATABASE ${TARGET}`);
      await server.psql(SQL, TARGET);
    }
    const args = restoreArgs('--truncate', '--include-table', 'public.configuration');
    expect((await stowage(args, { config })).json).toMatchObject({
      status: 'restored',
      counted: true,
      totals: { rows: 2 * 4 },
    });
    // Rows that the extension calls its own are not the restore's.
    for (const server of servers) await server.psql('INSERT INTO configuration VALUES (1)', TARGET);
    const again = await stowage(args, { config });
    expect(again.json).toMatchObject({ status: 'restored', counted: true });
  });

  test('fails and names the tables that another session filled or emptied after the load', async () => {
    await startAgentFor(0, 1);
    const restore = startStowage(restoreArgs('--create', ...CHOSEN), { config: byAgents });
    await restore.waitForEvent('answered', answered('data', 0));
    await restore.waitForEvent('answered', answered('data', 1));
    await servers[0]?.psql('INSERT INTO few VALUES (6); INSERT INTO part VALUES (2)', TARGET);
    await servers[1]?.psql('TRUNCATE many', TARGET);
    const result = await restore.ended;
    expect(problemsOf(result).sort()).toEqual([
      'count-differs 0 few',
      'count-differs 0 part_2',
      'count-differs 1 many',
    ]);
    expect(result.json.problems).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('holds 6 rows after the restore, the manifest says 5'),
      }),
    );
    expect(result.json.status).toBe('failed');
    expect(result.code).toBe(3);
    expect(await outcomeOf(restore)).toMatchObject({ status: 'failed', problemsTotal: 3 });
  });

  test('fails when the receipts of a content say done, and its database does not exist', async () => {
    await startAgentFor(0);
    const restore = startStowage(restoreArgs('--create', ...CHOSEN), { config: byAgents });
    await forgeReceipts(restore, 1);
    const result = await restore.ended;
    expect(problemsOf(result)).toEqual(['objects-failed 1 ', 'count-failed 1 ']);
    expect(result.json.problems[1]?.message).toContain(`database "${TARGET}" does not exist`);
    expect(result.json.problems[0]?.message).toContain(`database "${TARGET}" does not exist`);
    expect(result.code).toBe(3);
    expect(await outcomeOf(restore)).toMatchObject({ status: 'failed' });
  });

  test('is not restored by counts that another process has stored', async () => {
    await startAgentFor(0, 1);
    const restore = startStowage(restoreArgs('--create', ...CHOSEN), { config: byAgents });
    const id = await idOf(restore);
    const store = await place.open(root);
    const objects = { compared: 1, missing: 0, notCompared: 0 };
    await storeCounts(store, id, { relations: 2 * TABLES.length, rows: 2 * 1018, objects });
    const { code, json } = await restore.ended;
    expect(code).toBe(3);
    expect(json.error.code).toBe('restore/failed');
    expect(json.error.message).toContain('another process has stored the counts');
  });

  test('ends as failed with exit code 130 on SIGTERM while it counts, and leaves no session', async () => {
    for (const server of servers) {
      await server.psql(`CREATE DATABASE ${TARGET}`);
      await server.psql(SQL, TARGET);
      // Each of the four rows takes a minute to count, and no time to delete.
      await server.psql(
        `UPDATE pg_extension SET extcondition = ARRAY[$$WHERE i > 6 AND
           (current_setting('application_name') !~ 'count$' OR pg_sleep(60) IS NOT NULL)$$] WHERE extname = 'plpgsql'`,
        TARGET,
      );
    }
    const args = restoreArgs('--truncate', '--include-table', 'public.configuration');
    const restore = startStowage(args, { config });
    const shown = await restore.waitForEvent('progress', ({ what }) => what === 'count');
    expect(shown['segments']).toContainEqual(
      expect.objectContaining({ content: 1, relationsDone: 0, current: 'public.configuration' }),
    );
    restore.kill('SIGTERM');
    const result = await restore.ended;
    expect(result.json).toMatchObject({ status: 'failed' });
    expect(problemsOf(result)).toEqual(['count-failed 0 ', 'count-failed 1 ']);
    expect(result.json.problems[0]?.message).toContain('stopped by SIGTERM');
    expect(result.code).toBe(130);
    expect(await leftoversOnAll(servers)).toEqual([]);
  });
});

const answered = (phase: string, content: number) => (event: Readonly<Record<string, unknown>>) =>
  event['phase'] === phase && event['content'] === content;

const idOf = async (restore: RunningCli) => String((await restore.waitForEvent('request'))['id']);

async function outcomeOf(restore: RunningCli): Promise<unknown> {
  const store = await place.open(root);
  const key = formatKey({ kind: 'outcome', restore: await idOf(restore) });
  return JSON.parse(Buffer.from(await store.read(key, { bytesMax: 1_000_000 })).toString());
}

/** Answers every order of a content, as a shipper that loads nothing and lies. */
async function forgeReceipts(restore: RunningCli, content: number): Promise<void> {
  const id = await idOf(restore);
  const store = await place.open(root);
  const rows = new Map([
    ['many', 1000],
    ['few', 5],
    ['none', 0],
    ['part_1', 2],
    ['part_2', 1],
    ['parent', 1],
    ['child', 2],
    ['hidden', 7],
  ]);
  for (const phase of PHASES) {
    const relations = [...rows].map(([name, count]) => ({ schema: 'public', name, rows: count }));
    const receipt = doneReceipt({ id, phase, content }, phase === 'data' ? relations : []);
    const key = formatKey({ kind: 'restore-receipt', restore: id, phase, content });
    await store.create(key, encode(RestoreReceipt, receipt));
  }
}
