import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import { databaseContents } from '../support/e2e/compare.ts';
import { invoke } from '../support/emulator/calls.ts';
import { withoutEmulator } from '../support/emulator/emulator.ts';
import { type Subscriber, subscribe } from '../support/emulator/topic.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { troubleSchema } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';
import { type StackPlace, stackPlace } from './place.ts';

const SHARDS = 2;
const RULES = JSON.stringify({ keepLast: 1, graceHours: 0 });

/** Each test is a step that the next tests need. */
describe.skipIf(withoutEmulator)('the stack, its roles and policies enforced', () => {
  let place: StackPlace;
  let source: TestServer[] = [];
  let target: TestServer[] = [];
  let [everybody, onlyBad]: Subscriber[] = [];
  let backup: CliResult;
  let [older, timestamp] = ['', ''];
  const configs = { source: '', target: '', copy: '' };
  const run = (args: string[], config = configs.source) =>
    stowage(args, { config, env: place.env });

  beforeAll(async () => {
    [place, source, target] = await Promise.all([
      stackPlace({
        bucketOf: 'stack',
        enforcesPolicies: true,
        hasReplica: true,
        parameters: {
          ...{ ObjectLockMode: 'GOVERNANCE', ObjectLockDays: '3' },
          ...{ RetentionRules: RULES, ExpireSchedule: 'rate(1 day)' },
        },
      }),
      startCluster(SHARDS, { databases: [DATABASE] }),
      startCluster(SHARDS),
    ]);
    const { stack, emulator } = place;
    process.stdout.write(place.packaged.printed);
    everybody = await subscribe(emulator, stack.topicArn, { name: `${stack.name}-everybody` });
    onlyBad = await subscribe(emulator, stack.topicArn, {
      name: `${stack.name}-only-bad`,
      filter: { status: ['damaged', 'incomplete', 'failed', 'refused'] },
    });
    const more = { functions: 'events' };
    configs.source = await configFor(place, source, stack.root, more);
    configs.target = await configFor(place, target, stack.root, more);
    configs.copy = await configFor(
      place,
      target,
      stack.root.replace(stack.bucket, `${stack.bucket}-copy`),
    );
    await Promise.all(
      source.map(async (server, content) => {
        for (const sql of troubleSchema({ content, rolePrefix: 'shop_' }))
          await server.psql(sql, DATABASE);
      }),
    );
  });
  afterAll(async () => {
    await Promise.all([place?.stop(), stopAll(source), stopAll(target)]);
  });

  test('its functions commit and validate a backup', async () => {
    backup = await run(['backup', '--wait', '120']);
    expect(backup.text).toContain('"status":"complete"');
    expect(backup.code).toBe(0);
    timestamp = backup.json.timestamp;
    const show = await run(['show', timestamp]);
    expect(show.json).toMatchObject({ timestamp, status: 'complete' });
  });

  test('its functions commit and validate a backup that carries rows of the first', async () => {
    older = timestamp;
    backup = await run(['backup', '--wait', '120']);
    expect(backup.json).toMatchObject({ status: 'complete', base: older });
    expect(backup.json.carriedBytes).toBeGreaterThan(0.5 * backup.json.bytes);
    timestamp = backup.json.timestamp;
    expect((await run(['show', timestamp])).json.manifest.needs).toEqual([older]);
  });

  test('its functions verify the set slice by slice', async () => {
    const verify = await run(['verify', timestamp, '--remote', '--wait', '120']);
    expect(verify.text).toContain('"status":"complete"');
    expect(verify.code).toBe(0);
  });

  test('its functions copy the set to the alternate location and validate it there', async () => {
    const copy = await readUntil(
      () => run(['list'], configs.copy),
      ({ json }) => json.sets.filter(({ status }) => status === 'complete').length === 2,
      60_000,
    );
    expect(copy.json.sets).toMatchObject([
      { timestamp, status: 'complete' },
      { timestamp: older, status: 'complete' },
    ]);
  });

  test('its functions plan, advance and end a restore, and the data is the same', async () => {
    const args = ['restore', timestamp, '--create', '--globals', '--wait', '120'];
    const restore = await run(args, configs.target);
    expect(restore.text).toContain('"status":"restored"');
    expect(restore.code).toBe(0);
    for (const [content, server] of source.entries()) {
      const restored = await databaseContents(target[content] as TestServer, 'nobody');
      expect(restored).toEqual(await databaseContents(server, 'nobody'));
    }
  });

  test('subscribers of its topic receive the verdict and the outcome', async () => {
    const heard = await readUntil(
      async () => (await everybody?.received()) ?? [],
      (all) => all.some(({ kind }) => kind === 'outcome'),
      60_000,
    );
    const root = place.stack.root;
    expect(heard).toContainEqual(
      expect.objectContaining({
        kind: 'verdict',
        root,
        set: timestamp,
        level: 'validate',
        status: 'complete',
      }),
    );
    expect(heard).toContainEqual(
      expect.objectContaining({
        kind: 'outcome',
        root,
        set: timestamp,
        status: 'restored',
        problemsTotal: 0,
      }),
    );
    expect(await onlyBad?.received()).toEqual([]);
  });

  test('packs of the first set stay locked as long as a second set that uses them', async () => {
    const second = await run(['backup', '--wait', '120']);
    expect(second.code).toBe(0);
    const heard = await readUntil(
      async () => (await everybody?.received()) ?? [],
      (all) => all.some(({ kind }) => kind === 'locks'),
      60_000,
    );
    expect(heard).toContainEqual(
      expect.objectContaining({
        ...{ kind: 'locks', set: second.json.timestamp, status: 'complete', problemsTotal: 0 },
      }),
    );
  });

  test('its function expires the older sets, and leaves them whole while they are locked', async () => {
    const { emulator, stack } = place;
    const expire = () => invoke(emulator, stack.functionNames['expire'] ?? '', {});
    const kept = { locked: [{ timestamp: older }, { timestamp }], removed: [] };
    expect((await expire()).payload).toMatchObject({ expired: [timestamp, older], ...kept });
    expect((await expire()).payload).toMatchObject({ expired: [], ...kept });
    expect((await run(['show', timestamp])).text).toContain('expired');
  });

  test('no function was denied a request', async () => {
    const said = await place.emulator.log();
    expect(said.split('\n').filter((line) => /AccessDenied|not authorized/.test(line))).toEqual([]);
  });
});
