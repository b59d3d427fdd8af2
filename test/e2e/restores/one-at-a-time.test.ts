import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseKey } from '../../../backup-set/base/keys.ts';
import {
  type CliResult,
  failureOf,
  type RunningCli,
  startStowage,
  stowage,
} from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { HOLDING_SQL, holdRows, releaseRows } from '../../support/e2e/held-rows.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { withRepeats } from '../../support/repeats/repeats.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { bigTable } from '../../support/trouble/trouble.ts';
import { readUntil, waitFor } from '../../support/wait-for.ts';

const TARGET = 'target';
const DIGEST = 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t';

let place: Place;
let servers: TestServer[];
let [root, config, byAgents, timestamp] = ['', '', '', ''];
const agents: RunningAgent[] = [];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    for (const sql of [...bigTable(5, content), HOLDING_SQL]) await server.psql(sql, DATABASE);
  root = place.newRoot();
  config = await configFor(place, servers, root);
  byAgents = await configFor(place, servers, root, { shippers: { workers: 2, start: 'agents' } });
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterEach(async () => {
  for (const agent of agents.splice(0)) {
    agent.kill('SIGKILL');
    await agent.ended;
  }
  await releaseRows(servers ?? []);
  for (const server of servers ?? [])
    for (const name of await databasesOf(server))
      if (name !== DATABASE) await server.psql(`DROP DATABASE ${name} WITH (FORCE)`);
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

function restoring(mode: '--create' | '--truncate', at = config): RunningCli {
  const args = ['restore', timestamp, mode, '--no-verify', '--database', TARGET];
  return startStowage(args, { config: at });
}

async function restored(mode: '--create' | '--truncate'): Promise<void> {
  expect(failureOf(await restoring(mode).ended)).toBeUndefined();
}

async function resumed(id: string, at = config): Promise<void> {
  expect(failureOf(await stowage(['restore', '--resume', id], { config: at }))).toBeUndefined();
}

/** A restore that loads rows into content 1, until they are released. */
async function loading(mode: '--create' | '--truncate', at = config): Promise<RunningCli> {
  await holdRows(servers);
  const restore = restoring(mode, at);
  await waitFor('rows that are loaded', async () => (await copies()) !== '0' || undefined);
  return restore;
}

/** How many sessions load rows into content 1. */
const copies = async () =>
  servers[1]?.psql(
    `SELECT count(*) FROM pg_stat_activity WHERE datname = '${TARGET}' AND query LIKE '%COPY %' AND state = 'active'`,
  );

/** Every row of the source is in the target, once. */
async function holdsEveryRowOnce(): Promise<void> {
  for (const server of servers)
    expect(await server.psql(DIGEST, TARGET)).toBe(await server.psql(DIGEST, DATABASE));
}

/** Sessions of this server that hold an advisory lock. */
const lockSessions = async (server: TestServer | undefined) =>
  server?.psql(
    `SELECT application_name, state, backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity
     WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory') ORDER BY 1`,
  );

const endSession = (server: TestServer | undefined, like: string) =>
  server?.psql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '${like}' AND datname = 'postgres'`,
  );

const idOf = async (restore: RunningCli) => String((await restore.waitForEvent('request'))['id']);

describe('two restores into one database', () => {
  test.each(withRepeats<'--create' | '--truncate'>(['--create'], ['--truncate']))(
    'that start together with %s: one restores every row once, and the others are refused',
    async (mode) => {
      if (mode === '--truncate') await restored('--create');
      await holdRows(servers);
      const runs = [restoring(mode), restoring(mode), restoring(mode)];
      const refused: CliResult[] = [];
      for (const { ended } of runs) void ended.then((result) => refused.push(result));
      // The third loads rows, and these are held until the others have ended.
      await waitFor('the end of two restores', () => refused.length === 2 || undefined);
      await releaseRows(servers);
      const results = await Promise.all(runs.map(({ ended }) => ended));
      expect(results.map(({ code }) => code).sort()).toEqual([0, 4, 4]);
      for (const { json } of results.filter(({ code }) => code === 4)) {
        expect(json.error.code).toBe('restore/refused');
        expect(json.error.message).toMatch(/another restore into it is running|already exists/);
      }
      await holdsEveryRowOnce();
    },
  );

  test('the second is refused while the first loads, names its session, and the first restores every row once', async () => {
    await restored('--create');
    const first = await loading('--truncate');
    const second = await restoring('--truncate').ended;
    expect(second.code).toBe(4);
    expect(second.json.error.message).toMatch(
      new RegExp(
        `^cannot restore into database ${TARGET} on content 0 .*another restore into it is running \\(process \\d+, "stowage restore ${await idOf(first)}", connected since 20.*Z\\)`,
      ),
    );
    expect(await lockSessions(servers[0])).toBe(
      [
        `stowage restore ${await idOf(first)}|idle|t`,
        `stowage restore ${await idOf(first)} data 0|idle|t`,
      ].join('\n'),
    );
    await releaseRows(servers);
    expect((await first.ended).json).toMatchObject({ status: 'restored', problems: [] });
    await holdsEveryRowOnce();
  });

  test.each(withRepeats<NodeJS.Signals>(['SIGKILL'], ['SIGTERM']))(
    'the second may begin when the first has ended by %s, and resumes it',
    async (signal) => {
      const first = await loading('--create');
      first.kill(signal);
      await first.ended;
      expect(await leftoversOnAll(servers)).toEqual([]);
      for (const server of servers) expect(await lockSessions(server)).toBe('');
      await releaseRows(servers);
      await resumed(await idOf(first));
      await holdsEveryRowOnce();
    },
  );

  test('a restore whose lock is lost fails and says so', async () => {
    const restore = await loading('--create');
    await endSession(servers[1], `stowage restore ${await idOf(restore)}`);
    const { code, json } = await restore.ended;
    expect(json.status).toBe('failed');
    expect(json.problems).toContainEqual(
      expect.objectContaining({
        code: 'segment-failed',
        message: expect.stringContaining(
          `the restore was stopped because it lost its lock on database ${TARGET} of content 1`,
        ),
      }),
    );
    expect(code).toBe(3);
    expect(await leftoversOnAll(servers)).toEqual([]);
  });

  test('an order whose lock is lost fails and says so', async () => {
    const restore = await loading('--create');
    await endSession(servers[1], '% data 1');
    await waitFor('the end of the order', async () => (await copies()) === '0' || undefined);
    // Content 0 keeps its lock, and ends its order.
    await releaseRows(servers);
    const { code, json } = await restore.ended;
    expect(json.problems).toContainEqual(
      expect.objectContaining({
        code: 'order-failed',
        content: 1,
        message: expect.stringContaining('the order was stopped because it lost its lock'),
      }),
    );
    expect(code).toBe(3);
  });
});

describe('a restore by agents whose command was killed with SIGKILL', () => {
  test('keeps the database closed while its orders run, and carries out no further order', async () => {
    await restored('--create');
    const serves = new Map(servers.map((server, content) => [content, server]));
    agents.push(await startAgent({ place, root, name: 'both', serves }));
    const first = await loading('--truncate', byAgents);
    const id = await idOf(first);
    first.kill('SIGKILL');
    await first.ended;

    const second = await restoring('--truncate', byAgents).ended;
    expect(second.code).toBe(4);
    expect(second.json.error.message).toContain('an order of an earlier restore still runs in it');
    expect(second.json.error.message).toContain(`"stowage restore ${id} data 0"`);
    await releaseRows(servers);

    const left = await readUntil(
      async () => (await Promise.all(servers.map(lockSessions))).join(''),
      (sessions) => sessions === '',
    );
    expect(left).toBe('');
    const store = await place.open(root);
    // The sweeper writes the orders of the next phase, and then the outcome.
    await waitFor('the outcome of the killed restore', async () => {
      await stowage(['sweep'], { config });
      const keys = (await Array.fromAsync(store.list(`restores/`))).map(({ key }) => parseKey(key));
      return keys.some((key) => key?.kind === 'outcome' && key.restore === id) || undefined;
    });
    const outcome = await store.read(`restores/${id}/outcome.json`, { bytesMax: 1_000_000 });
    expect(JSON.parse(Buffer.from(outcome).toString())).toMatchObject({
      status: 'failed',
      problems: [
        { content: 0, code: 'target-refused', message: expect.stringContaining(id) },
        { content: 1, code: 'target-refused', message: expect.stringContaining(id) },
      ],
    });

    await resumed(id, byAgents);
    await holdsEveryRowOnce();
    for (const server of servers) expect(await lockSessions(server)).toBe('');
  });
});
