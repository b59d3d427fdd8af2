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
import { withRepeats } from '../support/repeats/repeats.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';

const SHARDS = 2;
/** At SLOW_RATE_BYTES this takes long enough that a backup still runs when it is interrupted. */
const MEGABYTES = 60;
const MIB = 1024 * 1024;

let servers: TestServer[];
/** All servers except a stopped one. */
let runningServers: TestServer[];

beforeAll(async () => {
  servers = await startCluster(SHARDS, { databases: [DATABASE] });
  runningServers = servers;
  for (const [content, server] of servers.entries())
    for (const sql of bigTable(MEGABYTES, content)) await server.psql(sql, DATABASE);
});
afterAll(() => stopAll(servers));

describe('a backup to a directory', () => {
  const run = atPlace(directoryPlace, MIB);

  test.each(
    withRepeats<[string, number, BackupPoint]>(
      [
        ['at its start', 0, whenShipperStarts],
        ['during an upload', 1, duringUpload],
        ['after its first receipt', 0, afterFirstReceipt],
      ],
      [
        ['100 ms after its start', 1, afterDelay(100)],
        ['700 ms after its start', 0, afterDelay(700)],
      ],
    ),
  )(
    'is incomplete and names the content when a shipper is killed %s (content %i)',
    (_, content, point) => failsWithoutShipper(run, content, point),
  );

  test.each(withRepeats<NodeJS.Signals>(['SIGTERM'], ['SIGINT', 'SIGHUP']))(
    'ends with exit code 130 on %s and leaves nothing behind',
    async (signal) => {
      const { backup, store, command } = await run();
      await afterFirstReceipt(backup, store, 1);
      backup.kill(signal);
      const { code, json, text } = await backup.ended;
      expect(text).toContain('interrupted');
      expect(code).toBe(130);
      expect(json).toMatchObject({ status: 'incomplete', failures: [{ code: 'interrupted' }] });
      await isIncomplete(backup, store, command, json.timestamp);
    },
  );

  test('ends in order, although a closed terminal sends SIGHUP twice', async () => {
    const { backup, store, command } = await run();
    await afterFirstReceipt(backup, store, 1);
    for (const _ of [1, 2]) {
      backup.kill('SIGHUP');
      await sleep(50);
    }
    const { code, json } = await backup.ended;
    expect(code).toBe(130);
    expect(json).toMatchObject({ status: 'incomplete', failures: [{ code: 'interrupted' }] });
    await isIncomplete(backup, store, command, json.timestamp);
  });

  test('ends with exit code 130 and leaves nothing behind when standard error is closed', async () => {
    const { backup, store, command } = await run();
    await afterFirstReceipt(backup, store, 1);
    backup.closeOutput('stderr');
    const { code, json } = await backup.ended;
    expect(code).toBe(130);
    expect(json).toMatchObject({
      status: 'incomplete',
      failures: [{ code: 'interrupted', message: expect.stringContaining('EPIPE') }],
    });
    expect(await storedKeys(store, 'seal')).toHaveLength(1);
    await isIncomplete(backup, store, command, json.timestamp);
  });

  test('is complete and prints no stack when only standard output is closed, as by `| head -0`', async () => {
    const { backup, command } = await run({});
    backup.closeOutput('stdout');
    const { code, text } = await backup.ended;
    expect(text).not.toContain('EPIPE');
    expect(code).toBe(0);
    expect((await command(['list'])).json.sets.map(({ status }) => status)).toContain('complete');
  });

  test('has no running shippers after kill -9 of the command line, and a sweep reports the set as overdue', async () => {
    const { backup, store, command } = await run();
    const { timestamp } = await backup.waitForEvent('snapshot');
    for (const content of servers.keys()) await afterFirstReceipt(backup, store, content);
    backup.kill('SIGKILL');
    expect((await backup.ended).code).toBeNull();
    expect(shipperPids(backup).size).toBe(SHARDS);
    expect(await leftoversOf(backup, runningServers)).toEqual(NO_LEFTOVERS);
    expect(await storedKeys(store, 'seal')).toEqual([]);
    await sleep(1_100);
    const sweep = await command(['sweep', '--overdue-after', '1']);
    expect(sweep.json.overdue).toEqual([timestamp]);
    const { json } = await command(['show', String(timestamp)]);
    expect(json.verdict.problems.map(({ code }) => code)).toContain('overdue');
    expect(json.verdict.problems.map(({ content }) => content)).toEqual(
      expect.arrayContaining([0, 1]),
    );
    await isIncomplete(backup, store, command, String(timestamp));
  });

  test('is incomplete and names the content when pg_terminate_backend ends the session that holds the snapshot', async () => {
    const { backup, store, command } = await run();
    await afterFirstReceipt(backup, store, 1);
    const ended = await servers[0]?.psql(
      `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stowage%holder%'`,
    );
    expect(ended).toBe('1');
    await failsNaming(backup, store, command, 0);
  });

  // The last test of this group: the server is not started again.
  test('is incomplete and names the content when the server of a segment is shut down', async () => {
    const { backup, store, command } = await run();
    await afterFirstReceipt(backup, store, 1);
    runningServers = servers.slice(0, 1);
    await servers[1]?.stop();
    await failsNaming(backup, store, command, 1);
  });
});

describe.skipIf(withoutCeph)('a backup to Ceph RGW', () => {
  // One large pack, so that its upload is not complete soon after its first part.
  const run = atPlace(cephPlace, 64 * MIB);
  beforeAll(async () => {
    // Content 1 was stopped.
    servers = [...runningServers, ...(await startCluster(1, { databases: [DATABASE] }))];
    runningServers = servers;
    for (const sql of bigTable(MEGABYTES, 1)) await servers[1]?.psql(sql, DATABASE);
  });
  test('is incomplete and names the content when a shipper is killed during an upload', () =>
    failsWithoutShipper(run, 1, duringUpload));
});

interface StartedBackup {
  readonly backup: RunningCli;
  readonly store: ObjectStore;
  /** Another command on the same root. */
  readonly command: (args: string[]) => Promise<CliResult>;
}

type Rate = { readonly maxRateBytes?: number };

const SLOW: Rate = { maxRateBytes: SLOW_RATE_BYTES * SHARDS };

/** Returns a function that starts a backup to a new root. The place is stopped after the suite. */
function atPlace(
  start: () => Promise<Place>,
  packBytes: number,
): (rate?: Rate) => Promise<StartedBackup> {
  let place: Place;
  const stores: ObjectStore[] = [];
  beforeAll(async () => {
    place = await start();
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await place?.stop();
  });
  return async (rate = SLOW) => {
    const root = place.newRoot();
    const backup = { packBytes, frameBytes: MIB / 2 };
    const shippers = { workers: 2, ...rate };
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

async function failsWithoutShipper(
  run: () => Promise<StartedBackup>,
  content: number,
  point: BackupPoint,
): Promise<void> {
  const { backup, store, command } = await run();
  await point(backup, store, content);
  process.kill(shipperPids(backup).get(content) ?? Number.NaN, 'SIGKILL');
  const { failures } = await failsNaming(backup, store, command, content);
  expect(failures).toMatchObject([{ content, code: 'shipper/died' }]);
}

async function failsNaming(
  backup: RunningCli,
  store: ObjectStore,
  command: StartedBackup['command'],
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
  await isIncomplete(backup, store, command, json.timestamp);
  return json;
}

/** Checks what must be true of every set that was not completed. */
async function isIncomplete(
  backup: RunningCli,
  store: ObjectStore,
  command: StartedBackup['command'],
  timestamp: string,
): Promise<void> {
  expect(await leftoversOf(backup, runningServers)).toEqual(NO_LEFTOVERS);
  expect((await command(['show', timestamp])).code).toBe(3);
  expect((await command(['restore', timestamp, '--create'])).code).toBe(3);
  expect((await command(['sweep'])).json.problems).toEqual([]);
  expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
  expect(await storedKeys(store, 'manifest')).toEqual([]);
  expect((await command(['list'])).json.sets).toMatchObject([{ timestamp, status: 'incomplete' }]);
}
