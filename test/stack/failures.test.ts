import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import type { Announcement } from '../../functions/handlers/announce.ts';
import { LANES, SWEEP } from '../../infra/aws/lanes.mjs';
import type { ObjectStore } from '../../storage/store.ts';
import { startStowage, stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import {
  bodiesIn,
  invoke,
  messagesIn,
  objectCreated,
  send,
  setVisibility,
} from '../support/emulator/calls.ts';
import { withoutEmulator } from '../support/emulator/emulator.ts';
import { clientOptions } from '../support/emulator/stack.ts';
import { type Subscriber, subscribe } from '../support/emulator/topic.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { smallTables } from '../support/trouble/trouble.ts';
import { readUntil } from '../support/wait-for.ts';
import { type StackPlace, stackPlace } from './place.ts';

const SHARDS = 2;
const TABLES = 200;
const EVENTUALLY_MS = 60_000;

describe.skipIf(withoutEmulator)('the stack on an existing bucket, with failures', () => {
  let place: StackPlace;
  let servers: TestServer[] = [];
  let store: ObjectStore;
  let subscriber: Subscriber;
  let config = '';

  beforeAll(async () => {
    [place, servers] = await Promise.all([
      stackPlace({ bucketOf: 'user' }),
      startCluster(SHARDS, { databases: [DATABASE] }),
    ]);
    const { stack, emulator } = place;
    store = await place.open(stack.root);
    subscriber = await subscribe(emulator, stack.topicArn, { name: `${stack.name}-everybody` });
    config = await configFor(place, servers, stack.root, {
      functions: 'events',
      backup: { overdueAfterSeconds: 1 },
    });
    await Promise.all(
      servers.map(async (server, content) => {
        for (const sql of smallTables(TABLES, content)) await server.psql(sql, DATABASE);
      }),
    );
  });
  afterAll(async () => {
    await store?.close();
    await Promise.all([place?.stop(), stopAll(servers)]);
  });

  const heard = (fits: (one: Announcement) => boolean) =>
    readUntil(
      async () => (await subscriber.received()).filter(fits),
      (found) => found.length > 0,
      EVENTUALLY_MS,
    );

  test('every function answers; the times of its first and second call are printed', async () => {
    for (const { name } of [...LANES, SWEEP]) {
      const functionName = place.stack.functionNames[name] ?? '';
      const event = { Records: [] };
      const cold = await invoke(place.emulator, functionName, event);
      const warm = await invoke(place.emulator, functionName, event);
      const ms = (invoked: { ms: number }) => `${Math.round(invoked.ms)} ms`;
      process.stdout.write(`${name}: cold ${ms(cold)}, warm ${ms(warm)}\n`);
      expect([cold.failed, warm.failed]).toEqual([false, false]);
      if (name !== SWEEP.name) expect(warm.payload).toEqual({ batchItemFailures: [] });
    }
  });

  test('the sweeper writes and announces a verdict on a backup that was killed before its seal', async () => {
    // So slow that the backup still runs when it is killed.
    const backup = startStowage(['backup', '--max-rate', '1kB'], { config, env: place.env });
    await backup.waitForEvent('shipper', ({ content }) => content === SHARDS - 1);
    backup.kill('SIGKILL');
    await backup.ended;
    const keys = async () => (await Array.fromAsync(store.list('sets/'))).map(({ key }) => key);
    const [timestamp = ''] = (await keys())
      .map((key) => {
        const parsed = parseKey(key);
        return parsed?.kind === 'plan' ? parsed.timestamp : '';
      })
      .filter((found) => found !== '');
    expect(await keys()).not.toContain(formatKey({ kind: 'seal', timestamp }));
    // The shippers end by themselves; after that no object arrives.
    const swept = await readUntil(
      async () => {
        await sleep(1_000);
        return invoke(place.emulator, place.stack.functionNames[SWEEP.name] ?? '', {});
      },
      ({ payload }) => (payload['overdue'] as string[] | undefined)?.includes(timestamp) ?? false,
      EVENTUALLY_MS,
    );
    expect(swept.payload).toMatchObject({ overdue: [timestamp], problems: [] });
    expect(swept.log).toMatch(/"_aws":.*"SetsOverdue":1/);
    const [verdict] = await heard(({ set }) => set === timestamp);
    expect(verdict).toMatchObject({ kind: 'verdict', level: 'stitch', status: 'incomplete' });
    expect(verdict?.problems.join('\n')).toContain('(overdue)');
  });

  test('a verification finds a damaged pack, and its verdict is announced', async () => {
    const backup = await stowage(['backup', '--wait', '120'], { config, env: place.env });
    expect(backup.text).toContain('"status":"complete"');
    const { timestamp } = backup.json;
    const objects = await Array.fromAsync(
      store.list(`sets/${timestamp.slice(0, 8)}/${timestamp}/data/`),
    );
    const pack = objects[0]?.key ?? '';
    const client = new S3Client({ ...clientOptions(place.emulator), forcePathStyle: true });
    const Key = `clusters/shop/${pack}`;
    await client.send(
      new PutObjectCommand({ Bucket: place.stack.bucket, Key, Body: 'something else' }),
    );
    const manifest = `clusters/shop/${formatKey({ kind: 'manifest', timestamp })}`;
    const { bucket, queueUrls } = place.stack;
    await send(place.emulator, queueUrls['validate'] ?? '', objectCreated(bucket, manifest));
    const [damaged] = await heard(({ set, status }) => set === timestamp && status === 'damaged');
    expect(damaged).toMatchObject({ kind: 'verdict', level: 'validate', problemsTotal: 1 });
    expect(damaged?.problems[0]).toContain(pack);
  });

  test('a message that cannot be read ends in the dead-letter queue, and no other does', async () => {
    const { bucket, queueUrls, deadLetterUrls } = place.stack;
    const [queue = '', dead = ''] = [queueUrls['stitch'], deadLetterUrls['stitch']];
    // Enough for one run. A longer run would get its messages again, and after five times they
    // would be in the dead-letter queue.
    await setVisibility(place.emulator, queue, 10);
    await send(place.emulator, queue, 'no JSON');
    const strange = [
      'elsewhere/thing',
      'clusters/shop/sets/../../etc/passwd',
      'clusters/shop/sets/x/seal.json',
    ];
    for (const key of strange) await send(place.emulator, queue, objectCreated(bucket, key));
    const seal = 'clusters/shop/sets/20260101/20260101000000/seal.json';
    await send(place.emulator, queue, objectCreated('another-bucket', seal));
    const left = () => messagesIn(place.emulator, queue);
    expect(await readUntil(left, (count) => count === 1, EVENTUALLY_MS)).toBe(1);
    await setVisibility(place.emulator, queue, 1);
    const letters = await readUntil(
      () => messagesIn(place.emulator, dead),
      (count) => count > 0,
      EVENTUALLY_MS,
    );
    expect(letters).toBe(1);
    expect(await bodiesIn(place.emulator, dead)).toEqual(['no JSON']);
    expect(await readUntil(left, (count) => count === 0, EVENTUALLY_MS)).toBe(0);
    expect((await Array.fromAsync(store.list('sets/20260101/'))).length).toBe(0);
  });
});
