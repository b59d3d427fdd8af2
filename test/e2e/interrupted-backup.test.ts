import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { type CliResult, type RunningCli, startStowage, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import {
  afterDelay,
  afterFirstReceipt,
  type BackupPoint,
  duringUpload,
  leftoversOf,
  NO_LEFTOVERS,
  shipperPids,
  storedKeys,
  whenShipperStarts,
} from '../support/e2e/interrupted-run.ts';
import { cephPlace, directoryPlace, type Place, withoutCeph } from '../support/e2e/place.ts';
import { SLOW_RATE_BYTES } from '../support/e2e/processes.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';

const SHARDS = 2;
/** Long enough, at the rate of SLOWLY, that a backup is still at work when it is struck. */
const MEGABYTES = 60;
const MIB = 1024 * 1024;

let servers: TestServer[];
/** How all servers but a stopped one are found. */
let living: TestServer[];

beforeAll(async () => {
  servers = await startCluster(SHARDS, { databases: [DATABASE] });
  living = servers;
  for (const [content, server] of servers.entries())
    for (const sql of bigTable(MEGABYTES, content)) await server.psql(sql, DATABASE);
});
afterAll(() => stopAll(servers));

describe('on a directory', () => {
  const run = atPlace(directoryPlace, MIB);

  test.each([
    ['at its start', 0, whenShipperStarts],
    ['100 ms later', 1, afterDelay(100)],
    ['700 ms later', 0, afterDelay(700)],
    ['amid an upload', 1, duringUpload],
    ['after its first receipt', 0, afterFirstReceipt],
  ] satisfies [string, number, BackupPoint][])(
    'kill -9 of a shipper %s (content %i)',
    (_, content, moment) => losesShipper(run, content, moment),
  );

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends the command line in good order',
    async (signal) => {
      const { backup, store, command } = await run();
      await afterFirstReceipt(backup, store, 1);
      backup.kill(signal);
      const { code, json, text } = await backup.ended;
      expect(text).toContain('interrupted');
      expect(code).toBe(130);
      expect(json).toMatchObject({ status: 'incomplete', failures: [{ code: 'interrupted' }] });
      await isLost(backup, store, command, json.timestamp);
    },
  );

  test('kill -9 of the command line ends its shippers, and a sweep finds the set', async () => {
    const { backup, store, command } = await run();
    const { timestamp } = await backup.waitForEvent('snapshot');
    for (const content of servers.keys()) await afterFirstReceipt(backup, store, content);
    backup.kill('SIGKILL');
    expect((await backup.ended).code).toBeNull();
    expect(shipperPids(backup).size).toBe(SHARDS);
    expect(await leftoversOf(backup, living)).toEqual(NO_LEFTOVERS);
    expect(await storedKeys(store, 'seal')).toEqual([]);
    await sleep(1_100);
    const sweep = await command(['sweep', '--overdue-after', '1']);
    expect(sweep.json.overdue).toEqual([timestamp]);
    const { json } = await command(['show', String(timestamp)]);
    expect(json.verdict.problems.map(({ code }) => code)).toContain('overdue');
    expect(json.verdict.problems.map(({ content }) => content)).toEqual(
      expect.arrayContaining([0, 1]),
    );
    await isLost(backup, store, command, String(timestamp));
  });

  test('pg_terminate_backend of the session that holds the snapshot', async () => {
    const { backup, store, command } = await run();
    await afterFirstReceipt(backup, store, 1);
    const ended = await servers[0]?.psql(
      `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stowage%holder%'`,
    );
    expect(ended).toBe('1');
    await failsNaming(backup, store, command, 0);
  });

  // The last one here: the server does not come back.
  test('a fast shutdown of a segment’s server', async () => {
    const { backup, store, command } = await run();
    await afterFirstReceipt(backup, store, 1);
    living = servers.slice(0, 1);
    await servers[1]?.stop();
    await failsNaming(backup, store, command, 1);
  });
});

describe.skipIf(withoutCeph)('on Ceph RGW', () => {
  // One pack, that its upload is not over soon after its first part has made it one.
  const run = atPlace(cephPlace, 64 * MIB);
  beforeAll(async () => {
    // Content 1 was stopped.
    servers = [...living, ...(await startCluster(1, { databases: [DATABASE] }))];
    living = servers;
    for (const sql of bigTable(MEGABYTES, 1)) await servers[1]?.psql(sql, DATABASE);
  });
  test('kill -9 of a shipper amid an upload', () => losesShipper(run, 1, duringUpload));
});

interface Struck {
  readonly backup: RunningCli;
  readonly store: ObjectStore;
  /** Another command on the same root. */
  readonly command: (args: string[]) => Promise<CliResult>;
}

/** Gives a function that starts a backup into a new root of a place that lives as long as the suite. */
function atPlace(start: () => Promise<Place>, packBytes: number): () => Promise<Struck> {
  let place: Place;
  const stores: ObjectStore[] = [];
  beforeAll(async () => {
    place = await start();
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await place?.stop();
  });
  return async () => {
    const root = place.newRoot();
    const backup = { packBytes, frameBytes: MIB / 2 };
    const shippers = { workers: 2, maxRateBytes: SLOW_RATE_BYTES * SHARDS };
    const config = await configFor(place, servers, root, { functions: 'inline', backup, shippers });
    const store = await place.open(root);
    stores.push(store);
    const options = { config, env: place.env };
    return {
      store,
      backup: startStowage(['backup'], options),
      command: (args) => stowage(args, options),
    };
  };
}

async function losesShipper(
  run: () => Promise<Struck>,
  content: number,
  moment: BackupPoint,
): Promise<void> {
  const { backup, store, command } = await run();
  await moment(backup, store, content);
  process.kill(shipperPids(backup).get(content) ?? Number.NaN, 'SIGKILL');
  const { failures } = await failsNaming(backup, store, command, content);
  expect(failures).toMatchObject([{ content, code: 'shipper/died' }]);
}

async function failsNaming(
  backup: RunningCli,
  store: ObjectStore,
  command: Struck['command'],
  content: number,
) {
  const { code, json } = await backup.ended;
  expect(json.status).toBe('incomplete');
  expect(code).toBe(3);
  expect(json.problems.map((problem) => problem.content)).toContain(content);
  expect(json.failures[0]).toMatchObject({ content });
  const { json: shown } = await command(['show', json.timestamp]);
  expect(shown.verdict.problems).toContainEqual(
    expect.objectContaining({ code: 'segment-failed', content }),
  );
  await isLost(backup, store, command, json.timestamp);
  return json;
}

/** What holds of every set that was not completed. */
async function isLost(
  backup: RunningCli,
  store: ObjectStore,
  command: Struck['command'],
  timestamp: string,
): Promise<void> {
  expect(await leftoversOf(backup, living)).toEqual(NO_LEFTOVERS);
  expect((await command(['show', timestamp])).code).toBe(3);
  expect((await command(['restore', timestamp, '--create'])).code).toBe(3);
  expect((await command(['sweep'])).json.problems).toEqual([]);
  expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
  expect(await storedKeys(store, 'manifest')).toEqual([]);
  expect((await command(['list'])).json.sets).toMatchObject([{ timestamp, status: 'incomplete' }]);
}
