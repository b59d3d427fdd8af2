import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, type RunningCli, startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { shipperPids, storedKeys } from '../../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { isRunning } from '../../support/e2e/processes.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { type SilentProxy, startSilentProxy } from '../../support/servers/silent-proxy.ts';
import { bigTable } from '../../support/trouble/trouble.ts';
import { readUntil, waitFor } from '../../support/wait-for.ts';

const MEGABYTES = 40;
/** Short for the test, and long enough for a healthy server on a busy machine. */
const STALL = { stallSeconds: 3 };
/** The rows then take some seconds, and more than the kernel buffers. */
const RATE = { workers: 2, maxRateBytes: 8_000_000 };

let place: Place;
let servers: TestServer[];
let [first, second] = [undefined as unknown as TestServer, undefined as unknown as TestServer];
let proxy: SilentProxy;
let [root, config, timestamp] = ['', '', ''];
const stopped: number[] = [];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  [first, second] = servers as [TestServer, TestServer];
  for (const [content, server] of servers.entries())
    for (const sql of bigTable(MEGABYTES, content)) await server.psql(sql, DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root, { ...STALL, shippers: RATE });
  const patient = await configFor(place, servers, root);
  timestamp = (await stowage(['backup'], { config: patient })).json.timestamp;
});
afterEach(() => {
  for (const pid of stopped.splice(0)) process.kill(pid, 'SIGCONT');
});
afterAll(async () => {
  await proxy?.stop();
  await stopAll(servers);
  await place?.stop();
});

/** Backups in which pg_dump may be faster than the test. */
const ATTEMPTS_MAX = 5;

/** Stops the first backend whose application name and state match, as a debugger would. */
async function stopBackend(server: TestServer, condition: string): Promise<number> {
  const pid = await waitFor(
    `a backend with ${condition}`,
    async () => {
      const found = await server.psql(
        `SELECT pid FROM pg_stat_activity WHERE ${condition} LIMIT 1`,
      );
      return found === '' ? undefined : Number(found);
    },
    { everyMs: 1 },
  );
  process.kill(pid, 'SIGSTOP');
  stopped.push(pid);
  return pid;
}

/** The other server must be free at once; the stopped backend notices later. */
async function leavesNothing(run: RunningCli): Promise<void> {
  expect(await leftoversOnAll([second])).toEqual([]);
  const pids = [...shipperPids(run).values()];
  const running = () => Promise.all(pids.map(isRunning));
  expect(await readUntil(running, (all) => !all.includes(true))).not.toContain(true);
}

/** The failures of the run name content 0 as stalled first. */
function isStalled({ code, json, text }: CliResult, message: RegExp): void {
  expect(text).toMatch(message);
  expect(json.failures[0]).toMatchObject({ content: 0, code: 'database/stalled' });
  expect(json.status).toBe('incomplete');
  expect(code).toBe(3);
}

describe('a backup whose server 0 has a stopped backend', () => {
  test('releases the locks on server 1, and names content 0, when the backend is in the barrier', async () => {
    // An open transaction keeps the barrier trying, so that its backends can be found.
    const sleeping = `query LIKE '%pg_sleep(600)%' AND wait_event = 'PgSleep'`;
    const lock = 'BEGIN; LOCK big.lineitem IN ROW EXCLUSIVE MODE; SELECT pg_sleep(600)';
    const writer = second.psql(lock, DATABASE).catch(() => 'terminated');
    await waitFor('the lock of the writer', async () => {
      const count = await second.psql(`SELECT count(*) FROM pg_stat_activity WHERE ${sleeping}`);
      return count === '1' ? true : undefined;
    });
    const backup = startStowage(['backup'], { config });
    await backup.waitForEvent('blocked');
    const pid = await stopBackend(first, `application_name LIKE '%content 0 barrier'`);
    const { code, json } = await backup.ended;
    expect(json.error).toMatchObject({ code: 'database/stalled', where: { content: 0 } });
    expect(json.error.message).toContain(`process ${pid}`);
    expect(code).toBe(6);
    await second.psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${sleeping}`);
    await writer;
    await leavesNothing(backup);
  });

  test('ends and names the table when the backend sends its rows', async () => {
    const backup = startStowage(['backup'], { config });
    const pid = await stopBackend(
      first,
      `application_name LIKE '%content 0 worker%' AND query LIKE 'COPY %' AND state = 'active'`,
    );
    const result = await backup.ended;
    isStalled(result, new RegExp(`has not answered COPY of big.lineitem .*process ${pid} runs`));
    await leavesNothing(backup);
    const store = await place.open(root);
    expect(await Array.fromAsync(store.pendingUploads('sets/'))).toEqual([]);
    expect(await storedKeys(store, 'manifest')).toEqual([expect.stringContaining(timestamp)]);
  });

  test('ends and names pg_dump when the backend serves it', async () => {
    const ofDump = `application_name LIKE 'stowage backup % content 0 pg_dump %'`;
    // pg_dump of a small database can end between the look at its backend and the signal.
    for (let attempt = 1; ; attempt++) {
      const backup = startStowage(['backup'], { config });
      const isStopped = await stopBackend(first, ofDump).then(
        () => true,
        () => false,
      );
      const ended = await backup.ended;
      if (attempt < ATTEMPTS_MAX && (!isStopped || ended.code === 0)) continue;
      isStalled(ended, /has not answered pg_dump for \d+ s\. The server answers/);
      await leavesNothing(backup);
      return;
    }
  });
});

test('a backup ends when a server falls silent, and says that a new connection is not answered', async () => {
  proxy = await startSilentProxy(first);
  const silent = await configFor(place, [{ ...first, port: proxy.port }, second], place.newRoot(), {
    ...STALL,
    shippers: RATE,
  });
  const backup = startStowage(['backup'], { config: silent });
  await backup.waitForEvent('shipper', (event) => event['content'] === 0);
  await waitFor('rows on their way', async () => {
    const sending = await first.psql(
      `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active'`,
    );
    return sending === '0' ? undefined : true;
  });
  proxy.fallSilent();
  isStalled(await backup.ended, /The server does not answer a new connection either/);
  await leavesNothing(backup);
});

test('a restore fails and names the table when the backend that loads it is stopped', async () => {
  const args = ['restore', timestamp, '--create', '--no-verify', '--database', 'stopped'];
  const restore = startStowage(args, { config });
  const pid = await stopBackend(
    first,
    `datname = 'stopped' AND query LIKE '%COPY "big"%' AND state = 'active'`,
  );
  const { code, json, text } = await restore.ended;
  expect(text).toMatch(new RegExp(`has not answered COPY into big.lineitem .*process ${pid} runs`));
  expect(json).toMatchObject({ status: 'failed' });
  expect(json.problems[0]).toMatchObject({ content: 0 });
  expect(json.problems[0]?.message).toContain('database/stalled');
  expect(code).toBe(3);
  await leavesNothing(restore);
});
