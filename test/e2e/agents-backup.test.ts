import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type CliResult, type RunningCli, startStowage, stowage } from '../support/cli.ts';
import { type RunningAgent, startAgent } from '../support/e2e/agents.ts';
import { configFor, DATABASE, leftoversOnAll } from '../support/e2e/cluster.ts';
import { isEncryptedSuite } from '../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { SLOW_RATE_BYTES } from '../support/e2e/processes.ts';
import { repeated } from '../support/repeats/repeated.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { bigTable } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';

/** At SLOW_RATE_BYTES this takes long enough that rows are in transit when an agent is killed. */
const MEGABYTES = 30;
const DIGEST = 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM big.lineitem t';

let place: Place;
let store: ObjectStore;
let [source, target]: TestServer[][] = [];
let [root, config, targetConfig, shortClaimConfig] = ['', '', '', ''];
const agents = new Set<RunningAgent>();

beforeAll(async () => {
  place = await directoryPlace();
  root = place.newRoot();
  store = await place.open(root);
  source = await startCluster(2, { databases: [DATABASE] });
  target = await startCluster(2);
  for (const [content, server] of source.entries())
    for (const sql of bigTable(MEGABYTES, content)) await server.psql(sql, DATABASE);
  const shippers = { workers: 2, start: 'agents' };
  const backup = { packBytes: 512 * 1024, frameBytes: 256 * 1024 };
  config = await configFor(place, source, root, { shippers, backup });
  shortClaimConfig = await configFor(place, source, root, {
    shippers: { ...shippers, claimSeconds: 15 },
    backup,
  });
  targetConfig = await configFor(place, target, root, { shippers });
});
afterEach(() => Promise.all([...agents].map(endAgent)));
afterAll(async () => {
  await stopAll([...(source ?? []), ...(target ?? [])]);
  await place?.stop();
});

async function agentOf(
  name: string,
  servers: TestServer[] | undefined,
  contents: number[],
  more: Readonly<Record<string, unknown>> = {},
) {
  const serves = new Map(contents.map((content) => [content, servers?.[content] as TestServer]));
  const agent = await startAgent({ place, root, name, serves, more });
  agents.add(agent);
  return agent;
}

async function endAgent(agent: RunningAgent): Promise<void> {
  agents.delete(agent);
  agent.kill('SIGKILL');
  await agent.ended;
}

/** Starts a backup of all rows. Resolves when content 1 has shipped some packs, but not all. */
async function startedBackup(): Promise<{ backup: RunningCli; timestamp: string }> {
  const backup = startStowage(['backup', '--full'], { config });
  const timestamp = String((await backup.waitForEvent('snapshot'))['timestamp']);
  const receipts = async () =>
    (await Array.fromAsync(store.list('sets/'))).filter(({ key }) => {
      const parsed = parseKey(key);
      return parsed?.kind === 'receipt' && parsed.timestamp === timestamp && parsed.content === 1;
    }).length;
  expect(await readUntil(receipts, (count) => count > 3)).toBeGreaterThan(3);
  return { backup, timestamp };
}

/** Checks that an incomplete backup cannot be taken for a complete one. */
async function isIncomplete({ code, json }: CliResult, timestamp: string, exit = 3): Promise<void> {
  expect(json.status).toBe('incomplete');
  expect(code).toBe(exit);
  expect(await store.head(formatKey({ kind: 'manifest', timestamp }))).toBeUndefined();
  expect(await store.head(formatKey({ kind: 'seal', timestamp }))).toBeDefined();
  expect(await leftoversOnAll(source ?? [])).toEqual([]);
}

describe('a backup run by agents', () => {
  test('is complete, and agents of another cluster restore all of its rows', async () => {
    await agentOf('host0', source, [0]);
    await agentOf('host1', source, [1]);
    const others = await agentOf('others', target, [0, 1]);
    const { code, json, stderrEvents } = await stowage(['backup'], { config });
    expect(json).toMatchObject({ status: 'complete', problems: [], failures: [] });
    expect(code).toBe(0);
    expect(json.rows).toBeGreaterThan(1000);
    expect(stderrEvents.filter(({ event }) => event === 'shipper')).toEqual([]);
    expect(others.log).toHaveLength(1);
    const args = ['restore', json.timestamp, '--create', '--database', 'copied'];
    expect((await stowage(args, { config: targetConfig })).json).toMatchObject({
      status: 'restored',
    });
    for (const [content, server] of (target ?? []).entries())
      expect(await server.psql(DIGEST, 'copied')).toBe(
        await source?.[content]?.psql(DIGEST, DATABASE),
      );
  });

  repeated('carries the rows that the set before has, and restores all of them', async () => {
    await agentOf('both', source, [0, 1]);
    await agentOf('others', target, [0, 1]);
    const before = (await stowage(['list'], { config })).json.sets[0]?.timestamp;
    await source?.[1]?.psql(
      'UPDATE big.lineitem SET comment = $$new$$ WHERE ctid = $$(9,1)$$',
      DATABASE,
    );
    const { json, stderrEvents } = await stowage(['backup'], { config });
    expect(json).toMatchObject({ status: 'complete', base: before, problems: [] });
    expect(stderrEvents.filter(({ event }) => event === 'base-unused')).toEqual([]);
    expect(json.carriedBytes).toBeGreaterThan(0.8 * json.bytes);
    expect(json.carriedBytes).toBeLessThan(json.bytes);
    expect(json.storedBytes).toBeLessThan(2 * 1024 * 1024);
    const args = ['restore', json.timestamp, '--create', '--database', 'carried'];
    expect((await stowage(args, { config: targetConfig })).json.status).toBe('restored');
    for (const [content, server] of (target ?? []).entries())
      expect(await server.psql(DIGEST, 'carried')).toBe(
        await source?.[content]?.psql(DIGEST, DATABASE),
      );
  });

  test('stores all rows, and says why, when an agent cannot read the base', async () => {
    const both = await agentOf('both', source, [0, 1], { pollSeconds: 0.5 });
    both.kill('SIGSTOP');
    const running = startStowage(['backup'], { config });
    const timestamp = String((await running.waitForEvent('snapshot'))['timestamp']);
    const key = formatKey({ kind: 'backup-order', timestamp, content: 1 });
    await readUntil(
      () => store.head(key),
      (order) => order !== undefined,
    );
    await store.delete([formatKey({ kind: 'base-part', timestamp, content: 1 })]);
    both.kill('SIGCONT');
    const { json, stderrEvents } = await running.ended;
    expect(json).toMatchObject({ status: 'complete' });
    expect(stderrEvents).toContainEqual(
      expect.objectContaining({ event: 'base-unused', content: 1, code: 'storage/not-found' }),
    );
    expect(json.contents.map(({ storedBytes }) => storedBytes > 2 * 1024 * 1024)).toEqual([
      false,
      true,
    ]);
  });

  test('fails and names the content when its agent is killed and restarted; the other agent stops, and the next backup is complete', async () => {
    const healthy = await agentOf('host0', source, [0]);
    const killed = await agentOf('host1', source, [1], { maxRateBytes: SLOW_RATE_BYTES });
    const { backup, timestamp } = await startedBackup();
    await endAgent(killed);
    await agentOf('host1', source, [1]);
    const result = await backup.ended;
    expect(result.json.failures).toEqual([
      expect.objectContaining({
        content: 1,
        message: expect.stringContaining('the agent was restarted while it ran the order'),
      }),
    ]);
    await isIncomplete(result, timestamp);
    expect(healthy.log.join('\n')).not.toContain('"level":60');
    expect((await stowage(['backup'], { config })).json.status).toBe('complete');
  });

  test('fails and names the content when its agent gets SIGTERM, and the agent exits with code 0 within 20 s', async () => {
    await agentOf('host0', source, [0]);
    const ending = await agentOf('host1', source, [1], { maxRateBytes: SLOW_RATE_BYTES });
    const { backup, timestamp } = await startedBackup();
    const startedAt = Date.now();
    ending.kill('SIGTERM');
    expect(await ending.ended).toEqual({ code: 0, signal: null });
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    const result = await backup.ended;
    expect(result.json.failures).toEqual([
      expect.objectContaining({
        content: 1,
        message: expect.stringContaining('stopped by SIGTERM'),
      }),
    ]);
    await isIncomplete(result, timestamp);
  });

  test('ends with exit code 130 on Ctrl-C, and the agents stop', async () => {
    await agentOf('both', source, [0, 1], { maxRateBytes: 2 * SLOW_RATE_BYTES });
    const { backup, timestamp } = await startedBackup();
    backup.kill('SIGINT');
    await isIncomplete(await backup.ended, timestamp, 130);
  });

  test('never becomes complete after kill -9 of the command line, leaves nothing in the databases, and the next backup is complete', async () => {
    const slow = await agentOf('both', source, [0, 1], { maxRateBytes: 3 * SLOW_RATE_BYTES });
    const { backup, timestamp } = await startedBackup();
    backup.kill('SIGKILL');
    await backup.ended;
    // The agents do not learn of it: they ship to the end.
    expect(await leftoversOnAll(source ?? [], 240_000)).toEqual([]);
    expect(await store.head(formatKey({ kind: 'manifest', timestamp }))).toBeUndefined();
    await endAgent(slow);
    await agentOf('both', source, [0, 1]);
    expect((await stowage(['backup'], { config })).json.status).toBe('complete');
  });

  test('fails in bounded time and names the content that no agent serves', async () => {
    await agentOf('host0', source, [0]);
    const result = await stowage(['backup'], { config: shortClaimConfig });
    expect(result.json.failures).toEqual([
      expect.objectContaining({
        content: 1,
        message: expect.stringContaining('no agent took the order'),
      }),
    ]);
    await isIncomplete(result, result.json.timestamp);
    const { timestamp } = result.json;
    const doctor = await stowage(['doctor'], { config: shortClaimConfig, plain: true });
    expect(doctor.text).toMatch(
      new RegExp(
        `^ok +cluster +agents +content 0: agent host0 answered .* \\(set ${timestamp}\\)$`,
        'm',
      ),
    );
    expect(doctor.text).toMatch(
      new RegExp(
        `^BAD +cluster +agents +content 1: no agent took the order of set ${timestamp}; agent both`,
        'm',
      ),
    );
    expect(doctor.code).toBe(4);
  });

  test('is complete when it is started by the schedule in an agent’s configuration', async () => {
    const listed = async () => (await stowage(['list'], { config })).json.sets;
    const before = new Set((await listed()).map(({ timestamp }) => timestamp));
    await agentOf('host0', source, [0]);
    const scheduled = await agentOf('host1', source, [1], { backup: { config, every: 0.2 } });
    const isDone = async () => scheduled.log.join('\n').includes('scheduled backup completed');
    expect(await readUntil(isDone, (done) => done, 240_000)).toBe(true);
    const made = (await listed()).filter(({ timestamp }) => !before.has(timestamp));
    expect(made.map(({ status }) => status)).toContain('complete');
    scheduled.kill('SIGTERM');
    expect(await scheduled.ended).toEqual({ code: 0, signal: null });
  });

  test('can be copied, and the copy has no orders that an agent would run again', async () => {
    await agentOf('both', source, [0, 1]);
    const { timestamp } = (await stowage(['backup'], { config })).json;
    const elsewhere = place.newRoot();
    expect((await stowage(['copy', timestamp, '--to', elsewhere], { config })).code).toBe(0);
    const copy = await place.open(elsewhere);
    const kinds = (await Array.fromAsync(copy.list('sets/'))).map(({ key }) => parseKey(key)?.kind);
    expect([...new Set(kinds)].toSorted()).toEqual([
      'base-part',
      'manifest',
      'manifest-part',
      'metadata',
      'needs',
      'pack',
      'plan',
      'receipt',
      'seal',
      'seal-part',
      ...(isEncryptedSuite ? ['set-key'] : []),
      'verdict',
    ]);
  });
});
