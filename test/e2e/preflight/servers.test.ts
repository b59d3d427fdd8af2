import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { startStandby, WITH_STANDBYS } from '../../support/servers/standby.ts';

// Which servers are behind the configuration, whatever names lead to them.
let place: Place;
let servers: TestServer[];
let [first, second, third]: TestServer[] = [];
/** Holds one complete set of contents 0, 1 and 2. */
let root = '';
let timestamp = '';

interface Address {
  readonly host: string;
  readonly port: number;
}

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(3, { databases: [DATABASE], settings: WITH_STANDBYS });
  [first, second, third] = servers;
  for (const [content, server] of servers.entries())
    await server.psql(`CREATE TABLE t AS SELECT ${content} AS content`, DATABASE);
  root = place.newRoot();
  const backup = await run(['backup'], servers, root);
  expect(failureOf(backup)).toBeUndefined();
  timestamp = backup.json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

/** Runs a command with these servers as contents 0, 1, …; undefined leaves a content out. */
async function run(
  args: string[],
  addresses: readonly (Address | undefined)[],
  at = place.newRoot(),
  more: Record<string, unknown> = {},
): Promise<CliResult> {
  const segments = addresses.flatMap((address, content) =>
    address === undefined ? [] : [{ content, host: address.host, port: address.port }],
  );
  return stowage(args, { config: await configFor(place, servers, at, { segments, ...more }) });
}

const otherName = (server: TestServer | undefined) =>
  server && { host: 'localhost', port: server.port };

/** The checks of `stowage doctor` that failed, apart from those of a single server. */
async function failedChecks(
  addresses: readonly (Address | undefined)[],
  at?: string,
  more: Record<string, unknown> = {},
): Promise<string[]> {
  const { code, text } = await run(['doctor'], addresses, at, more);
  expect(code).toBe(4);
  const { checks } = JSON.parse(text) as { checks: { of: string; ok: boolean; detail: string }[] };
  return checks.filter(({ of, ok }) => of === 'cluster' && !ok).map(({ detail }) => detail);
}

async function isRefused(result: CliResult, code: string, words: string): Promise<void> {
  expect(result.json.error).toMatchObject({ code, message: expect.stringContaining(words) });
  expect(result.code).toBe(4);
  for (const server of servers) expect(await databasesOf(server)).toEqual([DATABASE]);
}

const intoNew = (...more: string[]) => [
  'restore',
  timestamp,
  '--create',
  '--database',
  'x',
  ...more,
];

describe('two contents that lead to one server', () => {
  test('are refused under two host names by backup, restore and doctor, which name both', async () => {
    const twice = [first, otherName(first), third];
    const words = `content 0 (127.0.0.1:${first?.port}) and content 1 (localhost:${first?.port}) lead to one server`;
    await isRefused(await run(['backup', '--accept-cluster'], twice), 'cluster/overlap', words);
    await isRefused(await run(intoNew(), twice, root), 'cluster/overlap', words);
    expect(await failedChecks(twice)).toEqual([expect.stringContaining(words)]);
  });

  test('are refused also when the role may not read the system identifier, which doctor notes', async () => {
    const revoke = 'REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC';
    for (const server of servers) {
      await server.psql(`${revoke}; CREATE ROLE plain LOGIN CREATEDB`);
      await server.psql(revoke, DATABASE);
    }
    const more = { connection: { user: 'plain', binDir: first?.binDir } };
    const twice = await run(intoNew(), [first, otherName(first), third], root, more);
    await isRefused(twice, 'cluster/overlap', 'lead to one server');
    const { text } = await run(['doctor'], servers, root, more);
    expect(text).toContain('may not call pg_control_system() on content 0');
  });

  test('are refused when one is the standby of the other', async () => {
    if (first === undefined) throw new Error('no server');
    const standby = await startStandby(first);
    try {
      const both = [first, standby, third];
      const words = 'are a server and its standby';
      await isRefused(await run(['backup'], both), 'cluster/overlap', words);
      await isRefused(await run(intoNew(), both, root), 'cluster/overlap', words);
    } finally {
      await standby.stop();
    }
  });
});

describe('a cluster that is not the one of the newest set in the root', () => {
  test('is refused while contents are swapped: by backup, restore and doctor, which name the set', async () => {
    const swapped = [second, first, third];
    const words = `content 0 (127.0.0.1:${second?.port}) is the server that was content 1 (127.0.0.1:${second?.port}) in set ${timestamp}`;
    await isRefused(await run(['backup'], swapped, root), 'cluster/changed', words);
    await isRefused(await run(intoNew(), swapped, root), 'cluster/changed', words);
    expect(await failedChecks(swapped, root)).toContainEqual(expect.stringContaining(words));
  });

  test('is refused with fewer contents, with a gap and with another name, until it is accepted once', async () => {
    const own = place.newRoot();
    expect(failureOf(await run(['backup'], servers, own))).toBeUndefined();
    const another = { cluster: 'another' };
    const lost = `content 2 (127.0.0.1:${third?.port}) would not`;
    const fewer = await run(['backup'], [first, second], own);
    await isRefused(fewer, 'cluster/incomplete', lost);
    const renamed = await run(['backup'], servers, own, another);
    await isRefused(renamed, 'cluster/changed', 'cluster is "another"');
    expect(await failedChecks([first, undefined, third], own, another)).toEqual([
      expect.stringContaining('contents up to 2, but not content 1'),
      expect.stringContaining('cluster is "another"'),
      expect.stringContaining(`content 1 (127.0.0.1:${second?.port}) would not`),
    ]);

    const smaller = [first, undefined, third];
    const accepted = await run(['backup', '--accept-cluster'], smaller, own);
    expect(failureOf(accepted)).toBeUndefined();
    expect(accepted.stderrEvents).toContainEqual(
      expect.objectContaining({ event: 'cluster-accepted', code: 'cluster/incomplete' }),
    );
    expect(failureOf(await run(['backup'], smaller, own))).toBeUndefined();
  });

  test('is refused with a gap in the first backup of a root', async () => {
    const words = 'contents up to 2, but not content 1';
    await isRefused(await run(['backup'], [first, undefined, third]), 'cluster/incomplete', words);
  });

  test('may have servers that the set does not know, and another name in a restore', async () => {
    const others = await startCluster(2, { databases: [DATABASE] });
    try {
      for (const server of others) await server.psql('CREATE TABLE t (content int)', DATABASE);
      // As after an upgrade of content 1.
      const upgraded = [first, others[0], third];
      expect(failureOf(await run(['backup'], upgraded, root))).toBeUndefined();
      const elsewhere = await run(intoNew(), [others[0], others[1], third], root, {
        cluster: 'staging',
      });
      expect(failureOf(elsewhere)).toBeUndefined();
      await third?.psql('DROP DATABASE x');
    } finally {
      await stopAll(others);
    }
  });
});

test('an agent that reaches another server than the coordinator refuses the order, and the set is incomplete', async () => {
  const [one, other] = [first, second];
  if (one === undefined || other === undefined) throw new Error('no servers');
  // As a wrong entry in /etc/hosts of the segment host.
  const relay = await relayTo(one.port, { host: '127.0.0.2', port: other.port });
  const at = place.newRoot();
  const contents = [
    { content: 0, host: one.host, port: one.port },
    { content: 1, host: other.host, port: other.port, address: '127.0.0.2' },
  ];
  const serves = new Map([[0, one]]);
  const agent = await startAgent({ place, root: at, name: 'both', serves, more: { contents } });
  try {
    const shippers = { workers: 2, start: 'agents' };
    const { code, json } = await run(['backup'], [one, other], at, { shippers });
    expect(json.problems[0]).toMatchObject({
      content: 1,
      message: expect.stringContaining(
        `127.0.0.2:${other.port} is another server than the coordinator's`,
      ),
    });
    expect(json.status).toBe('incomplete');
    expect(code).toBe(3);
  } finally {
    agent.kill('SIGKILL');
    await agent.ended;
    relay.close();
  }
});

async function relayTo(port: number, from: Address): Promise<Server> {
  const relay = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(from.port, from.host, resolve));
  return relay;
}
