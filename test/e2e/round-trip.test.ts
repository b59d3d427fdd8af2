import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWriters } from '../../cli/demo/writers.ts';
import { type CliResult, type RunningCli, stowage } from '../support/cli.ts';
import { BANK, bankSql, bankTotals, moneyIn } from '../support/e2e/bank.ts';
import { configFor, DATABASE, databasesOf, leftoversOnAll } from '../support/e2e/cluster.ts';
import { databaseContents, rolesOf, unloggedRows } from '../support/e2e/compare.ts';
import {
  cephWithEvents,
  cephWithoutEvents,
  type Deployment,
  directory,
} from '../support/e2e/deployments.ts';
import { type Place, withoutCeph } from '../support/e2e/place.ts';
import { REPEATS } from '../support/repeats/repeats.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable, smallTables, troubleSchema } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';

const SHARDS = 4;
/** Objects of a small set: their number depends on the segments, not on the tables. */
const OBJECTS_MAX = 80;
const BIG_MEGABYTES = REPEATS ? 300 : 60;

let source: TestServer[];
let target: TestServer[];

/** The memory limit of a shipper for data of any size (promise 9). */
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

beforeAll(async () => {
  [source, target] = await Promise.all([
    startCluster(SHARDS, { databases: [DATABASE] }),
    startCluster(SHARDS),
  ]);
  await onAll(source, (content) => [
    ...troubleSchema({ content, rolePrefix: 'shop_' }),
    bankSql(content),
  ]);
});
afterAll(() => Promise.all([stopAll(source), stopAll(target)]));

testRoundTrip(directory, {
  more: (content) => smallTables(REPEATS ? 1_000 : 100, content),
  schema: 'small',
  tables: REPEATS ? 1_100 : 200,
});
describe.skipIf(withoutCeph)('Ceph', () => {
  testRoundTrip(cephWithEvents, {
    more: (content) => bigTable(BIG_MEGABYTES / SHARDS, content),
    schema: 'big',
    tables: 100,
  });
  if (REPEATS)
    testRoundTrip(cephWithoutEvents, {
      more: () => ['CREATE SCHEMA nothing'],
      schema: 'nothing',
      tables: 100,
    });
});

interface ExtraTables {
  readonly more: (content: number) => string[];
  /** The schema that `more` creates. */
  readonly schema: string;
  /** The minimum number of tables in the database then. */
  readonly tables: number;
}

/** Each test is a step of one round trip, and needs the steps before it. */
function testRoundTrip(deployment: Deployment, { more, schema, tables }: ExtraTables): void {
  describe(`a round trip ${deployment.name}`, () => {
    let place: Place;
    let backup: CliResult;
    let timestamp: string;
    let [config, alternate] = ['', ''];
    const serving: RunningCli[] = [];
    const run = (args: string[], on = config) => stowage(args, { config: on, env: place.env });

    beforeAll(async () => {
      place = await deployment.start();
      const [root, alternateRoot] = [place.newRoot(), place.newRoot()];
      const functions = { functions: deployment.functions };
      config = await configFor(place, source, root, functions);
      alternate = await configFor(place, target, alternateRoot, functions);
      for (const [at, of] of [[config, root] as const, [alternate, alternateRoot] as const]) {
        const server = await deployment.serve(place, at, of);
        if (server !== undefined) serving.push(server);
      }
      await onAll(source, more);
    });
    afterAll(async () => {
      for (const server of serving) server.kill('SIGTERM');
      await Promise.all(serving.map(({ ended }) => ended));
      await place?.stop();
      await onAll(source, () => [`DROP SCHEMA ${schema} CASCADE`]);
      for (const server of target)
        for (const name of await databasesOf(server)) await server.psql(`DROP DATABASE "${name}"`);
    });

    test('backs up a database under writers completely, in few objects', async () => {
      const writers = startWriters(
        source.map((server) => server.target(DATABASE)),
        { pauseMs: 5 },
      );
      try {
        await transfersPass(10);
        backup = await run(['backup', '--wait', '240']);
        await transfersPass(10);
      } finally {
        await writers.stop();
      }
      expect(backup.text).toContain('"status":"complete"');
      expect(backup.code).toBe(0);
      timestamp = backup.json.timestamp;
      expect(backup.json).toMatchObject({ failures: [], problems: [] });
      expect(backup.json.objects).toBeLessThan(OBJECTS_MAX);
      expect(backup.json.contents).toHaveLength(SHARDS);
      for (const { peakMemoryBytes } of backup.json.contents) {
        expect(peakMemoryBytes).toBeLessThanOrEqual(MEMORY_BYTES_MAX);
      }
      expect(await leftoversOnAll(source)).toEqual([]);
    });

    test('has a set that list, show, validate and verify report as complete', async () => {
      const list = await run(['list']);
      expect(list.code).toBe(0);
      expect(list.json.sets).toMatchObject([{ timestamp, status: 'complete', database: DATABASE }]);
      const show = await run(['show', timestamp]);
      expect(show.code).toBe(0);
      expect(show.json).toMatchObject({ timestamp, status: 'complete' });
      expect(show.json.manifest.totals).toMatchObject({ contents: SHARDS, rows: backup.json.rows });
      expect(show.json.manifest.totals.relations).toBeGreaterThan(tables);
      for (const command of ['validate', 'verify']) {
        const checked = await run([command, timestamp]);
        expect(checked.json).toMatchObject({ status: 'complete', level: command, problems: [] });
        expect(checked.json.checked.objects).toBeGreaterThan(SHARDS);
        expect(checked.code).toBe(0);
      }
    });

    test('copies the set to an alternate root and validates it there', async () => {
      const { json: shown } = await run(['list'], alternate);
      expect(shown.sets).toEqual([]);
      const copy = await run(['copy', timestamp, '--to', shown.root]);
      expect(copy.text).toContain('"status":"complete"');
      expect(copy.code).toBe(0);
      expect(copy.json.copied.objects).toBeGreaterThan(SHARDS);
    });

    test('restores the copy into a second cluster', async () => {
      const restore = await run(
        ['restore', timestamp, '--create', '--globals', '--wait', '240'],
        alternate,
      );
      expect(restore.text).toContain('"status":"restored"');
      expect(restore.code).toBe(0);
      expect(restore.json).toMatchObject({ problemsTotal: 0, totals: { rows: backup.json.rows } });
      expect(await leftoversOnAll(target)).toEqual([]);
    });

    test('leaves both clusters with equal rows, schemas, sequences, large objects, materialized views and roles', async () => {
      for (const [content, server] of source.entries()) {
        const restored = target[content] as TestServer;
        const [before, after] = [
          await databaseContents(server, BANK),
          await databaseContents(restored, BANK),
        ];
        expect(before.rows.size).toBeGreaterThan(tables);
        expect(before.largeObjects).not.toBe('');
        expect(after).toEqual(before);
        expect(await unloggedRows(server)).toBeGreaterThan(0);
        expect(await unloggedRows(restored)).toBe(await unloggedRows(server));
        expect(await rolesOf(restored)).toBe(await rolesOf(server));
      }
    });

    test('restores a consistent snapshot: the sum of money is unchanged, and every transfer has both rows', async () => {
      const restored = await bankTotals(target, DATABASE);
      expect(restored).toMatchObject({ money: moneyIn(SHARDS), transferred: 0 });
      // The writers continued after the snapshot.
      expect((await bankTotals(source, DATABASE)).legs).toBeGreaterThan(restored.legs);
    });
  });
}

/** Waits for `count` more transfers: writers start with a delay, and may be blocked for a while. */
async function transfersPass(count: number): Promise<void> {
  const legs = async () => (await bankTotals(source, DATABASE)).legs;
  const before = await legs();
  expect(await readUntil(legs, (now) => now >= before + 2 * count)).toBeGreaterThanOrEqual(
    before + 2 * count,
  );
}

async function onAll(
  servers: readonly TestServer[],
  scripts: (content: number) => string[],
): Promise<void> {
  await Promise.all(
    servers.map(async (server, content) => {
      for (const sql of scripts(content)) await server.psql(sql, DATABASE);
    }),
  );
}
