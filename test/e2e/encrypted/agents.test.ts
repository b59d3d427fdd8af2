import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliResult, stowage } from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { testSigningKey } from '../../support/signed/signing.ts';

const ROWS = 'SELECT count(*), sum(hashtextextended(word, 0)) FROM secrets';

let place: Place;
let servers: TestServer[];
let root = '';
let operator: TestKeys;
/** Of the agents of content 0 and 1. */
let own: TestKeys[];
/** What they obey: orders are encrypted and signed. */
let signing: Awaited<ReturnType<typeof testSigningKey>>;
const agents = new Set<RunningAgent>();

beforeAll(async () => {
  place = await directoryPlace();
  root = place.newRoot();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const server of servers)
    await server.psql(
      `CREATE TABLE secrets AS SELECT 'secret row' || g AS word FROM generate_series(1, 999) g`,
      DATABASE,
    );
  operator = await testKeys(place.folder);
  signing = await testSigningKey(place.folder);
  own = [await testKeys(place.folder), await testKeys(place.folder)];
});
afterAll(async () => {
  await Promise.all([...agents].map(endAgent));
  await stopAll(servers);
  await place?.stop();
});

async function startOf(content: number, keys: TestKeys | undefined): Promise<RunningAgent> {
  const serves = new Map([[content, servers[content] as TestServer]]);
  const signedBy = [signing.key.publicKey];
  const more = { signedBy, encryption: keys && { identityFile: keys.identityFile } };
  const agent = await startAgent({
    place,
    root,
    name: `agent${content}`,
    serves,
    more,
  });
  agents.add(agent);
  return agent;
}

async function endAgent(agent: RunningAgent): Promise<void> {
  agents.delete(agent);
  agent.kill('SIGKILL');
  await agent.ended;
}

async function run(
  args: readonly string[],
  recipients: Readonly<Record<string, string | undefined>>,
): Promise<CliResult> {
  const config = await configFor(place, servers, root, {
    shippers: { workers: 2, start: 'agents', signingKeyFile: signing.file },
    encryption: { ...operator.section(), agents: recipients },
  });
  return stowage([...args], { config });
}

test('agents encrypt a set, each with its own recipient, and only with an identity restore it', async () => {
  const recipients = { '0': own[0]?.recipient, '1': own[1]?.recipient };
  const half = await run(['backup'], { '0': own[0]?.recipient });
  expect(half.json.error).toMatchObject({ code: 'encryption/recipient' });
  expect(half.json.error.message).toContain('content 1');
  const [, second] = [await startOf(0, own[0]), await startOf(1, own[1])];
  const made = await run(['backup'], recipients);
  expect(made.json, made.text).toMatchObject({ status: 'complete', problems: [] });
  const store = await place.open(root);
  for await (const { key } of store.list('sets/')) {
    const bytes = Buffer.from(await store.read(key, { bytesMax: 1e8 }));
    expect(bytes.includes('secret row') || bytes.includes('PGDMP'), key).toBe(false);
  }
  const restore = (database: string) =>
    run(['restore', made.json.timestamp, '--create', '--redirect-db', database], recipients);
  await endAgent(second);
  const plain = await startOf(1, undefined);
  const refused = await restore('refused');
  expect(JSON.stringify(refused.json.problems)).toContain('encryption.identityFile');
  expect(await databasesOf(servers[1] as TestServer)).not.toContain('refused');
  await endAgent(plain);
  await startOf(1, own[1]);
  const restored = await restore('opened');
  expect(restored.json.status, restored.text).toBe('restored');
  for (const server of servers)
    expect(await server.psql(ROWS, 'opened')).toBe(await server.psql(ROWS, DATABASE));
});
