import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Key, parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type RunningCli, startStowage, stowage } from '../support/cli.ts';
import { type RunningAgent, startAgent } from '../support/e2e/agents.ts';
import {
  configFor,
  DATABASE,
  databasesOf,
  leftoversOn,
  leftoversOnAll,
} from '../support/e2e/cluster.ts';
import { HOLDING_SQL, holdRows, releaseRows } from '../support/e2e/held-rows.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { repeated } from '../support/repeats/repeated.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';

const DIGEST = 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t';

let place: Place;
let store: ObjectStore;
let [source, target]: TestServer[][] = [];
let [root, config, targetConfig, shortClaimConfig, timestamp] = ['', '', '', '', ''];
const agents = new Set<RunningAgent>();

beforeAll(async () => {
  place = await directoryPlace();
  root = place.newRoot();
  store = await place.open(root);
  source = await startCluster(2, { databases: [DATABASE] });
  target = await startCluster(2);
  for (const [content, server] of source.entries())
    for (const sql of [...bigTable(5, content), HOLDING_SQL, 'CREATE TABLE small AS SELECT 1 AS n'])
      await server.psql(sql, DATABASE);
  const shippers = { workers: 2, start: 'agents' };
  config = await configFor(place, source, root);
  targetConfig = await configFor(place, target, root, { shippers });
  shortClaimConfig = await configFor(place, target, root, {
    shippers: { ...shippers, claimSeconds: 15 },
  });
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterEach(async () => {
  await Promise.all([...agents].map(endAgent));
  await releaseRows(target ?? []);
  for (const server of target ?? [])
    for (const name of await databasesOf(server))
      await server.psql(`DROP DATABASE ${name} WITH (FORCE)`);
});
afterAll(async () => {
  await stopAll([...(source ?? []), ...(target ?? [])]);
  await place?.stop();
});

async function agentOf(
  name: string,
  servers: TestServer[],
  contents: number[],
  more: Readonly<Record<string, unknown>> = {},
): Promise<RunningAgent> {
  const serves = new Map(contents.map((content) => [content, servers[content] as TestServer]));
  const agent = await startAgent({ place, root, name, serves, more });
  agents.add(agent);
  return agent;
}

async function endAgent(agent: RunningAgent): Promise<void> {
  agents.delete(agent);
  agent.kill('SIGKILL');
  await agent.ended;
}

function restoreInto(database: string, args: string[] = [], on = targetConfig): RunningCli {
  return startStowage(['restore', timestamp, '--create', '--database', database, ...args], {
    config: on,
  });
}

/** A restore whose agent is loading rows into content 1, which are held. */
async function heldRestore(database: string): Promise<RunningCli> {
  await holdRows(target ?? []);
  const restore = restoreInto(database, ['--no-verify']);
  const loading = await readUntil(
    async () =>
      target?.[1]?.psql(
        `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database}' AND query LIKE '%COPY %' AND state = 'active'`,
      ),
    (count) => count !== '0',
  );
  expect(loading).not.toBe('0');
  return restore;
}

async function keysOf(kind: Key['kind']): Promise<string[]> {
  const keys = (await Array.fromAsync(store.list(''))).map(({ key }) => key);
  return keys.filter((key) => parseKey(key)?.kind === kind);
}

function phaseAndContent(key: string): string {
  const parsed = parseKey(key);
  return parsed?.kind === 'restore-receipt' ? `${parsed.phase} ${parsed.content}` : key;
}

const sessionsLeft = () => leftoversOnAll(target ?? []);

/** As `sessionsLeft`, without the lock that `stowage restore` holds while it runs. */
async function sessionsOfAgentsLeft(): Promise<string[]> {
  const isLock = (line: string) => /^session\|\d+\|stowage restore \d{17}-\w{8}\|idle$/.test(line);
  const read = async () => (await Promise.all((target ?? []).map(leftoversOn))).join('\n');
  return readUntil(
    async () => (await read()).split('\n').filter((line) => line !== '' && !isLock(line)),
    (left) => left.length === 0,
  );
}

describe('a restore run by agents', () => {
  test('loads every row into its target cluster while agents of another cluster poll the same root', async () => {
    const others = await agentOf('others', source ?? [], [0, 1]);
    await agentOf('host0', target ?? [], [0]);
    await agentOf('host1', target ?? [], [1]);
    const { code, json, stderrEvents } = await restoreInto('copied').ended;
    expect(json).toMatchObject({ status: 'restored', problems: [] });
    expect(code).toBe(0);
    expect(stderrEvents.filter(({ event }) => event === 'shipper')).toEqual([]);
    expect(stderrEvents).toContainEqual(
      expect.objectContaining({ event: 'answered', phase: 'data', content: 1 }),
    );
    for (const [content, server] of (target ?? []).entries())
      expect(await server.psql(DIGEST, 'copied')).toBe(
        await source?.[content]?.psql(DIGEST, DATABASE),
      );
    for (const server of source ?? []) expect(await databasesOf(server)).toEqual([DATABASE]);
    expect(others.log).toHaveLength(1);
    expect(await sessionsLeft()).toEqual([]);
  });

  repeated('succeeds with one agent that serves all contents of a host', async () => {
    await agentOf('both', target ?? [], [0, 1]);
    const { json } = await restoreInto('besides').ended;
    expect(json).toMatchObject({ status: 'restored', problems: [] });
  });

  test('fails and names the content when its agent is killed during an order and restarted, and nothing is loaded twice', async () => {
    await agentOf('host0', target ?? [], [0]);
    const killed = await agentOf('host1', target ?? [], [1]);
    const before = await keysOf('restore-receipt');
    const restore = await heldRestore('killed');
    await endAgent(killed);
    // A backend that executes a statement does not notice that its client has ended.
    await releaseRows(target ?? []);
    expect(await sessionsOfAgentsLeft()).toEqual([]);
    await agentOf('host1', target ?? [], [1]);
    const { code, json } = await restore.ended;
    expect(json.status).toBe('failed');
    expect(code).toBe(3);
    expect(json.problems).toEqual([
      expect.objectContaining({
        content: 1,
        code: 'segment-failed',
        message: expect.stringContaining('the agent was restarted while it ran the order'),
      }),
    ]);
    const receipts = (await keysOf('restore-receipt')).filter((key) => !before.includes(key));
    // Only the schema was restored before the rows, and no phase ran after them.
    expect(receipts.map(phaseAndContent).sort()).toEqual([
      'data 0',
      'data 1',
      'pre-data 0',
      'pre-data 1',
    ]);
    expect(await target?.[1]?.psql('SELECT count(*) FROM big.lineitem', 'killed')).toBe('0');
    expect(await sessionsLeft()).toEqual([]);
  });

  repeated(
    'fails and names the content when its agent gets SIGTERM during an order, and the agent exits with code 0 within 20 s',
    async () => {
      await agentOf('host0', target ?? [], [0]);
      const ending = await agentOf('host1', target ?? [], [1]);
      const restore = await heldRestore('ended');
      const startedAt = Date.now();
      ending.kill('SIGTERM');
      expect(await ending.ended).toEqual({ code: 0, signal: null });
      expect(Date.now() - startedAt).toBeLessThan(20_000);
      await releaseRows(target ?? []);
      const { code, json } = await restore.ended;
      expect(json.status).toBe('failed');
      expect(code).toBe(3);
      expect(json.problems).toEqual([
        expect.objectContaining({
          content: 1,
          message: expect.stringContaining('stopped by SIGTERM'),
        }),
      ]);
      expect(await sessionsLeft()).toEqual([]);
    },
  );

  test('ends with exit code 130 on Ctrl-C; the agents abort their orders and keep running', async () => {
    await agentOf('both', target ?? [], [0, 1]);
    const restore = await heldRestore('interrupted');
    restore.kill('SIGINT');
    const { code, json } = await restore.ended;
    expect(json.status).toBe('failed');
    expect(code).toBe(130);
    expect(await sessionsLeft()).toEqual([]);
    await releaseRows(target ?? []);
    const afterwards = restoreInto('afterwards', ['--include-table', 'public.small']);
    expect((await afterwards.ended).json).toMatchObject({ status: 'restored', problems: [] });
  });

  test('is refused in bounded time and names the content that no agent serves', async () => {
    await agentOf('host0', target ?? [], [0]);
    const { code, json } = await restoreInto('forsaken', [], shortClaimConfig).ended;
    expect(json.status).toBe('refused');
    expect(code).toBe(4);
    expect(json.problems).toEqual([
      expect.objectContaining({
        content: 1,
        message: expect.stringContaining('no agent took the order'),
      }),
    ]);
  });
});

describe('an agent', () => {
  test('skips unreadable objects, and leaves restores alone that the command line runs with its own shippers', async () => {
    const id = `${new Date().toISOString().replace(/\D/g, '')}-00000bad`;
    await store.create(`restores/${id}/request.json`, Buffer.from('{'));
    await store.create(`restores/${id}/orders/data/0.json`, Buffer.from('not even JSON'));
    await store.create(`restores/${id}/orders/data/x`, Buffer.from(''));
    const agent = await agentOf('both', target ?? [], [0, 1]);
    const ownShippers = await configFor(place, target ?? [], root);
    const claims = await keysOf('order-claim');
    const made = await stowage(['restore', timestamp, '--create', '--database', 'byshippers'], {
      config: ownShippers,
    });
    expect(made.json.status).toBe('restored');
    expect(await keysOf('order-claim')).toEqual(claims);
    expect((await restoreInto('byagent').ended).json.status).toBe('restored');
    expect(agent.log.filter((line) => line.includes('cannot be read'))).toHaveLength(1);
  });

  test('refuses to start on a host where another agent has its name', async () => {
    await agentOf('twin', target ?? [], [0]);
    const second = await agentOf('twin', target ?? [], [0]);
    expect(await second.ended).toEqual({ code: 2, signal: null });
    expect(second.log.join('\n')).toContain('another agent named twin');
  });
});
