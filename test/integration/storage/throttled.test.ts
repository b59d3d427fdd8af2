import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import { storageRetries } from '../../../storage/retries.ts';
import type { S3Settings } from '../../../storage/settings.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { gatewayAnswer } from '../../support/servers/strict-s3/answers.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { waitUntil } from '../../support/wait-for.ts';

const BYTES = Buffer.from('bytes');
let server: StrictS3;

beforeAll(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
});
afterAll(() => void vi.unstubAllEnvs());
// A server of its own per test: the pace of a bucket outlives the store.
beforeEach(async () => {
  server = await startStrictS3();
  onTestFinished(() => server.stop());
});

async function openHere(s3: S3Settings = {}, stallSeconds?: number): Promise<ObjectStore> {
  const store = await openStore({
    root: server.root,
    s3: { endpoint: server.endpoint, attemptsMax: 2, ...s3 },
    ...(stallSeconds === undefined ? {} : { stallSeconds }),
  });
  onTestFinished(() => store.close());
  return store;
}

test('a storm of refusals that outlasts attemptsMax delays writes, and ends none', async () => {
  const store = await openHere();
  const before = storageRetries();
  server.refuse('SlowDown', { times: 8 });
  const keys = ['a', 'b', 'c', 'd'];
  await Promise.all(keys.map((key) => store.create(key, BYTES)));
  expect([...server.objects.keys()].sort()).toEqual(keys.map((key) => `strict/${key}`));
  const after = storageRetries();
  expect(after.throttled - before.throttled).toBe(8);
  expect(after.throttledMs).toBeGreaterThan(before.throttledMs);
});

test('a request ends with an error that names the setting when the storm outlasts throttleMinutes', async () => {
  const store = await openHere({ throttleMinutes: 0.02 });
  server.refuse('ServiceUnavailable', { times: Number.POSITIVE_INFINITY });
  await expect(store.create('key', BYTES)).rejects.toMatchObject({
    code: 'storage/unavailable',
    message: expect.stringMatching(
      /ServiceUnavailable.*; the store asked for fewer requests for 1 s \(storage.throttleMinutes\)/,
    ) as string,
  });
});

test('a gateway without a server behind it ends a request after attemptsMax', async () => {
  const store = await openHere();
  server.refuse(gatewayAnswer(503, '503 Service Temporarily Unavailable'), {
    times: Number.POSITIVE_INFINITY,
  });
  for (const call of [() => store.create('key', BYTES), () => store.head('key')]) {
    server.seen.length = 0;
    await expect(call()).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(server.seen).toHaveLength(2);
  }
});

test('a signal ends a request that waits because of throttling at once', async () => {
  const store = await openHere();
  const stop = new AbortController();
  server.refuse(
    { status: 429, headers: { 'retry-after': '600' } },
    { times: Number.POSITIVE_INFINITY },
  );
  const written = store.create('key', BYTES, { signal: stop.signal });
  await waitUntil(() => server.seen.length === 1);
  stop.abort(new Error('Ctrl-C'));
  await expect(written).rejects.toMatchObject({ code: 'interrupted' });
  expect(server.seen).toHaveLength(1);
});

test('a copy that is throttled for longer than stallSeconds is not taken for a silent server', async () => {
  const store = await openHere({ attemptsMax: 6 }, 0.3);
  await store.create('from', BYTES);
  const other = await openStore({
    root: `${server.root}/other`,
    s3: { endpoint: server.endpoint },
    stallSeconds: 0.3,
  });
  onTestFinished(() => other.close());
  server.refuse('SlowDown', {
    times: 4,
    when: ({ headers }) => 'x-amz-copy-source' in headers,
  });
  await other.copyFrom(store, 'from');
  expect(server.objects.has('strict/other/from')).toBe(true);
});
