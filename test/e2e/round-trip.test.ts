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
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable, smallTables, troubleSchema } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';

const SHARDS = 4;
/** Objects of a set of small data: what is there per segment, never per table. */
const OBJECTS_MAX = 80;
const BIG_MEGABYTES = 300;

let source: TestServer[];
let target: TestServer[];

/** What a shipper may use, whatever the size of the data (promise 9). */
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

tell(directory, { more: (content) => smallTables(1_000, content), schema: 'small', tables: 1_100 });
describe.skipIf(withoutCeph)('on Ceph', () => {
  tell(cephWithEvents, {
    more: (content) => bigTable(BIG_MEGABYTES / SHARDS, content),
    schema: 'big',
    tables: 100,
  });
  tell(cephWithoutEvents, {
    more: () => ['CREATE SCHEMA nothing'],
    schema: 'nothing',
    tables: 100,
  });
});

interface More {
  readonly more: (content: number) => string[];
  /** Where `more` puts it all. */
  readonly schema: string;
  /** The least number of tables there are then. */
  readonly tables: number;
}

/** The whole story on one subject: each test is a step, and the next ones need it. */
function tell(subject: Deployment, { more, schema, tables }: More): void {
  describe(subject.name, () => {
    let place: Place;
    let backup: CliResult;
    let timestamp: string;
    let [config, alternate] = ['', ''];
    const serving: RunningCli[] = [];
    const run = (args: string[], on = config) => stowage(args, { config: on, env: place.env });

    beforeAll(async () => {
      place = await subject.start();
      const [root, alternateRoot] = [place.newRoot(), place.newRoot()];
      const functions = { functions: subject.functions };
      config = await configFor(place, source, root, functions);
      alternate = await configFor(place, target, alternateRoot, functions);
      for (const [at, of] of [[config, root] as const, [alternate, alternateRoot] as const]) {
        const server = await subject.serve(place, at, of);
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

    test('a backup under writers is proven complete, in few objects', async () => {
      const writers = startWriters(source.map((server) => server.target(DATABASE)));
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

    test('list, show, validate and verify agree that it is complete', async () => {
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

    test('a copy at an alternate root is validated there', async () => {
      const { json: shown } = await run(['list'], alternate);
      expect(shown.sets).toEqual([]);
      const copy = await run(['copy', timestamp, '--to', shown.root]);
      expect(copy.text).toContain('"status":"complete"');
      expect(copy.code).toBe(0);
      expect(copy.json.copied.objects).toBeGreaterThan(SHARDS);
    });

    test('the copy restores into a second cluster', async () => {
      const restore = await run(
        ['restore', timestamp, '--create', '--globals', '--wait', '240'],
        alternate,
      );
      expect(restore.text).toContain('"status":"restored"');
      expect(restore.code).toBe(0);
      expect(restore.json).toMatchObject({ problemsTotal: 0, totals: { rows: backup.json.rows } });
      expect(await leftoversOnAll(target)).toEqual([]);
    });

    test('both clusters are equal: rows, schema, sequences, large objects, materialized views, roles', async () => {
      for (const [content, server] of source.entries()) {
        const restored = target[content] as TestServer;
        const [before, after] = [
          await databaseContents(server, BANK),
          await databaseContents(restored, BANK),
        ];
        expect(before.rows.size).toBeGreaterThan(tables);
        expect(before.largeObjects).not.toBe('');
        expect(after).toEqual(before);
        expect(await unloggedRows(restored)).toBe(0);
        expect(await rolesOf(restored)).toBe(await rolesOf(server));
      }
    });

    test('no money was made or lost, and no transfer is torn', async () => {
      const restored = await bankTotals(target, DATABASE);
      expect(restored).toMatchObject({ money: moneyIn(SHARDS), transferred: 0 });
      // The writers went on after the snapshot.
      expect((await bankTotals(source, DATABASE)).legs).toBeGreaterThan(restored.legs);
    });
  });
}

/** Waits until the writers have made so many more transfers: they began later than we asked, and may stand still for a while. */
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
