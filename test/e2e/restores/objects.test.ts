import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../../backup-set/base/document.ts';
import { formatKey, PHASES } from '../../../backup-set/base/keys.ts';
import { RestoreReceipt } from '../../../backup-set/documents/restore/restore.ts';
import { doneReceipt } from '../../../backup-set/testing/done-receipt.ts';
import { type CliResult, startStowage, stowage } from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const TARGET = 'target';
const TABLES = `
CREATE SCHEMA "two words";
CREATE TABLE customer (id int PRIMARY KEY, name text);
CREATE TABLE "two words"."order" (id int, customer int, n int NOT NULL DEFAULT 1 CHECK (n > 0));
INSERT INTO customer VALUES (1, 'a');
INSERT INTO "two words"."order" VALUES (1, 1);
`;
const SQL = `${TABLES}
CREATE INDEX by_name ON customer (name);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "on insert" BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION nothing();
ALTER TABLE "two words"."order" ADD PRIMARY KEY (id), ADD CONSTRAINT "its customer" FOREIGN KEY (customer) REFERENCES customer;
ALTER TABLE "two words"."order" ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON "two words"."order" USING (n > 0);
COMMENT ON INDEX by_name IS 'one';
SELECT lo_create(4711);
`;
/** What an interrupted restore with --create, or an operator, may leave out. */
const LOSSES = `
DROP INDEX by_name;
DROP TRIGGER "on insert" ON customer;
ALTER TABLE "two words"."order" DROP CONSTRAINT order_pkey, DROP CONSTRAINT "its customer", DROP CONSTRAINT order_n_check,
  ALTER id DROP NOT NULL, ALTER n DROP DEFAULT, DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON "two words"."order";
SELECT lo_unlink(4711);
`;
const LOST = [
  'CHECK CONSTRAINT|two words|order order_n_check',
  'CONSTRAINT|two words|order order_pkey',
  'DEFAULT|two words|order n',
  'FK CONSTRAINT|two words|order its customer',
  'INDEX|public|by_name',
  'NOT NULL|two words|order id',
  'POLICY|two words|order own',
  'ROW SECURITY|two words|order',
  'TRIGGER|public|customer on insert',
];

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

const restore = (...more: string[]) => ['restore', timestamp, '--database', TARGET, ...more];

const lostOf = ({ json }: CliResult, content: number) =>
  json.problems
    .filter((problem) => problem.content === content)
    .flatMap(({ schemaObject: lost }) => (lost ? [`${lost.kind}|${lost.schema}|${lost.name}`] : []))
    .sort();

describe('a restore', () => {
  test('names the indexes, keys, triggers and large objects that the target lacks, and exits with 3', async () => {
    const made = await stowage(restore('--create'), { config });
    expect(made.json).toMatchObject({
      status: 'restored',
      objects: { missing: 0, notCompared: 0 },
    });
    await servers[1]?.psql(LOSSES, TARGET);

    const again = await stowage(restore('--truncate'), { config });
    expect(lostOf(again, 1)).toEqual(LOST);
    expect(lostOf(again, 0)).toEqual([]);
    expect(again.json).toMatchObject({
      status: 'failed',
      counted: true,
      problemsTotal: LOST.length + 1,
      objects: { missing: LOST.length + 1 },
    });
    expect(again.json.problems).toContainEqual(
      expect.objectContaining({
        code: 'schema-object-missing',
        content: 1,
        message:
          'the target lacks 1 of the 1 LARGE OBJECT of the set: 4711. --truncate does not load large objects without --large-objects',
      }),
    );
    expect(again.code).toBe(3);

    // A selection needs only what belongs to it, and no large objects.
    const chosen = restore('--truncate', '--include-table', '"two words"."order"');
    const { code, text } = await stowage(chosen, { config, plain: true });
    expect(code).toBe(3);
    expect(text).toContain('content 1: the target lacks POLICY two words.order own (schema-object');
    expect(text).toContain('content 1: the target lacks NOT NULL two words.order id');
    expect(text).not.toContain('customer');
    expect(text).not.toContain('LARGE OBJECT');
    expect(text).toContain('failed: the rows were loaded, and the target lacks the objects named');

    const without = await stowage([...chosen, '--no-objects'], { config, plain: true });
    expect(without.code).toBe(0);
    expect(without.text).toContain('its schema objects were not compared (--no-objects)');
  });

  test('misses nothing that a restore of selected tables leaves out', async () => {
    const table = ['--include-table', '"two words"."order"'];
    const made = await stowage(restore('--create', '--no-count', ...table), { config });
    expect(made.json).toMatchObject({
      status: 'restored',
      counted: false,
      objects: { missing: 0 },
    });
    const again = await stowage(restore('--truncate', ...table), { config });
    expect(again.json).toMatchObject({ status: 'restored', counted: true, problems: [] });
  });

  test('is not restored when the receipts of a content say done and its target has no indexes', async () => {
    const [first, second] = servers as [TestServer, TestServer];
    agent = await startAgent({ place, root, name: 'objects', serves: new Map([[0, first]]) });
    const running = startStowage(restore('--create'), { config: byAgents });
    const id = String((await running.waitForEvent('request'))['id']);
    await second.psql(`CREATE DATABASE ${TARGET}`);
    await second.psql(TABLES, TARGET);
    const store = await place.open(root);
    const loaded = [
      { schema: 'public', name: 'customer', rows: 1 },
      { schema: 'two words', name: 'order', rows: 1 },
    ];
    for (const phase of PHASES) {
      const receipt = doneReceipt({ id, phase, content: 1 }, phase === 'data' ? loaded : []);
      const key = formatKey({ kind: 'restore-receipt', restore: id, phase, content: 1 });
      await store.create(key, encode(RestoreReceipt, receipt));
    }
    const result = await running.ended;
    expect(lostOf(result, 0)).toEqual([]);
    expect(lostOf(result, 1)).toEqual(
      expect.arrayContaining(['INDEX|public|by_name', 'COMMENT|public|INDEX by_name']),
    );
    expect(result.json.status).toBe('failed');
    expect(result.code).toBe(3);
  });
});
