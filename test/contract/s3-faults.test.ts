import { randomUUID } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { openStore } from '../../storage/open.ts';
import type { StoreSettings } from '../../storage/settings.ts';
import type { ObjectStore } from '../../storage/store.ts';
import {
  type FaultyProxy,
  type SeenRequest,
  startFaultyProxy,
} from '../support/servers/faulty-proxy.ts';
import { freePort } from '../support/servers/free-port.ts';
import { collect, reusing, sha256, someBytes, text } from './bytes.ts';
import { BUCKET, cephSubject, PART_BYTES } from './subjects.ts';

// A proxy injects the faults of a network and of an overloaded server between us and a real Ceph.
const subject = cephSubject();
let proxy: FaultyProxy;

beforeAll(async () => {
  await subject.start();
  proxy = await startFaultyProxy(subject.ceph().endpoint);
});
afterAll(async () => {
  await proxy?.stop();
  await subject.stop();
});
beforeEach(() => proxy.reset());

const open = (s3?: StoreSettings['s3']): Promise<ObjectStore> =>
  subject.open({ endpoint: proxy.endpoint, ...s3 });
const isPut = ({ method }: SeenRequest) => method === 'PUT';
const isGet = ({ method, url }: SeenRequest) => method === 'GET' && !url.includes('list-type');
const isPart = ({ url }: SeenRequest) => url.includes('partNumber=2');
const isCompletion = ({ method, url }: SeenRequest) =>
  method === 'POST' && url.includes('uploadId=');

describe('writes to S3', () => {
  test('succeed after the server has answered SlowDown twice', async () => {
    const store = await open();
    proxy.injectFault({ kind: 'slow-down' }, { times: 2 });
    await store.create('x', text('content'));
    expect(await collect(store.get('x'))).toEqual(text('content'));
    expect(proxy.seen.filter(isPut)).toHaveLength(3);
  });

  test('fail with storage/unavailable when SlowDown outlasts throttleMinutes, and leave nothing', async () => {
    const store = await open({ attemptsMax: 2, throttleMinutes: 0.01 });
    const times = Number.POSITIVE_INFINITY;
    proxy.injectFault({ kind: 'slow-down' }, { times, when: isPart });
    const upload = store.upload('x', reusing(someBytes(3 * PART_BYTES), 1_000_000));
    await expect(upload).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(proxy.seen.filter(isPart).length).toBeGreaterThan(1);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
    expect(await store.head('x')).toBeUndefined();
  });

  test('fail with storage/unavailable after the last server error, and leave nothing', async () => {
    const store = await open({ attemptsMax: 2 });
    proxy.injectFault({ kind: 'server-error' }, { times: 2, when: isPart });
    const upload = store.upload('x', reusing(someBytes(3 * PART_BYTES), 1_000_000));
    await expect(upload).rejects.toMatchObject({ code: 'storage/unavailable' });
    expect(proxy.seen.filter(isPart)).toHaveLength(2);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
    expect(await store.head('x')).toBeUndefined();
  });

  test('send a part again after a reset, before or after the part has arrived', async () => {
    const store = await open();
    const content = someBytes(4 * PART_BYTES);
    proxy.injectFault({ kind: 'reset-request' }, { when: isPart });
    proxy.injectFault({ kind: 'drop-response' }, { when: isPart });
    const made = await store.upload('x', reusing(content, 1_000_000));
    expect(proxy.seen.filter(isPart)).toHaveLength(3);
    expect(sha256(await collect(store.get('x')))).toBe(sha256(content));
    expect((await store.head('x'))?.etag).toBe(made.etag);
  });

  test('recognise their own object when the response to a create is lost', async () => {
    const store = await open();
    proxy.injectFault({ kind: 'drop-response' }, { when: isPut });
    const made = await store.create('x', text('mine'));
    expect(await store.head('x')).toMatchObject({ bytes: 4, etag: made.etag });
    expect(proxy.seen.filter(isPut)).toHaveLength(2);
  });

  test('recognise the object of another writer, even with the same bytes', async () => {
    const store = await open();
    await store.create('x', text('same'));
    proxy.injectFault({ kind: 'drop-response' }, { when: isPut });
    await expect(store.create('x', text('same'))).rejects.toMatchObject({ code: 'storage/exists' });
  });

  test('recognise their own object when the response to a completion is lost', async () => {
    const store = await open();
    const content = someBytes(2 * PART_BYTES);
    proxy.injectFault({ kind: 'drop-response' }, { when: isCompletion });
    const made = await store.upload('x', reusing(content, 1_000_000));
    expect(proxy.seen.filter(isCompletion)).toHaveLength(2);
    expect(await store.head('x')).toMatchObject({ bytes: content.length, etag: made.etag });
  });

  test('leave no upload when they are cancelled while the upload begins', async () => {
    const store = await open();
    const stop = new AbortController();
    const isBegin = ({ method, url }: SeenRequest) => method === 'POST' && url.includes('?uploads');
    proxy.injectFault({ kind: 'none' }, { when: isBegin, onFault: () => stop.abort() });
    const upload = store.upload('x', reusing(someBytes(2 * PART_BYTES), 1_000_000), {
      signal: stop.signal,
    });
    await expect(upload).rejects.toMatchObject({ code: 'interrupted' });
    expect(proxy.seen.some(isBegin)).toBe(true);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
  });
});

describe('reads from S3', () => {
  test('continue after a reset where the body stopped, with a condition on the same object', async () => {
    const store = await open();
    const content = someBytes(3 * PART_BYTES);
    const made = await store.upload('x', reusing(content, 1_000_000));
    proxy.injectFault({ kind: 'reset-body', afterBytes: 1_234_567 }, { times: 4, when: isGet });
    const got = await collect(store.get('x', { offset: 1_000, length: content.length - 2_000 }));
    expect(got.equals(content.subarray(1_000, -1_000))).toBe(true);
    const gets = proxy.seen.filter(isGet);
    expect(gets).toHaveLength(5);
    for (const { headers } of gets.slice(1)) expect(headers['if-match']).toBe(`"${made.etag}"`);
    const starts = gets.map(({ headers }) => Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1]));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(new Set(starts).size).toBe(5);
  });

  test('continue after a stall where the body stopped', async () => {
    const store = await open({ stallMs: 2_000 });
    const content = someBytes(PART_BYTES);
    await store.upload('x', reusing(content, 1_000_000));
    let stalls = 0;
    const onFault = () => {
      stalls += 1;
    };
    // A slow machine may cause more requests: every one stalls until two stalls have happened.
    const when = (seen: SeenRequest) => isGet(seen) && stalls < 2;
    proxy.injectFault({ kind: 'stall-body', afterBytes: 700_000 }, { times: 100, when, onFault });
    expect(sha256(await collect(store.get('x')))).toBe(sha256(content));
    expect(stalls).toBe(2);
    const last = proxy.seen.filter(isGet).at(-1)?.headers.range ?? '';
    expect(Number(/bytes=(\d+)-/.exec(last)?.[1])).toBeGreaterThanOrEqual(1_400_000);
  });

  test('count attempts from zero after progress, and fail after attemptsMax without progress', async () => {
    const store = await open({ attemptsMax: 2 });
    const content = someBytes(PART_BYTES);
    await store.upload('x', reusing(content, 1_000_000));
    proxy.injectFault({ kind: 'reset-body', afterBytes: 1_000_000 }, { times: 4, when: isGet });
    expect(sha256(await collect(store.get('x')))).toBe(sha256(content));
    proxy.injectFault({ kind: 'reset-body', afterBytes: 0 }, { times: 2, when: isGet });
    await expect(collect(store.get('x'))).rejects.toMatchObject({ code: 'storage/unavailable' });
  });

  test('do not treat a slow consumer as a stalled server', async () => {
    const store = await open();
    const content = someBytes(PART_BYTES);
    await store.upload('x', reusing(content, 1_000_000));
    let bytes = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      for await (const chunk of store.get('x')) {
        if (bytes === 0) vi.advanceTimersByTime(3_600_000);
        bytes += chunk.length;
      }
    } finally {
      vi.useRealTimers();
    }
    expect(bytes).toBe(content.length);
    expect(proxy.seen.filter(isGet)).toHaveLength(1);
  });

  test('fail with storage/changed when the object was replaced', async () => {
    const store = await open();
    await store.upload('x', reusing(someBytes(PART_BYTES), 1_000_000));
    const overwritten = Promise.withResolvers<unknown>();
    const overwrite = () => {
      const Key = `${store.url.split('/').at(-1)}/x`;
      const put = new PutObjectCommand({ Bucket: BUCKET, Key, Body: someBytes(PART_BYTES) });
      overwritten.resolve(subject.ceph().client.send(put));
    };
    proxy.injectFault(
      { kind: 'reset-body', afterBytes: 1_000_000 },
      { when: isGet, onFault: overwrite },
    );
    const read = async () => {
      for await (const _ of store.get('x')) await overwritten.promise;
    };
    await expect(read()).rejects.toMatchObject({ code: 'storage/changed' });
  });
});

test('sequential requests of every kind share one connection', async () => {
  const store = await open({ partsInFlight: 1 });
  const content = someBytes(2 * PART_BYTES);
  await store.upload('x', reusing(content, 1_000_000));
  expect(await collect(store.get('x', { offset: 5, length: 100 }))).toEqual(
    content.subarray(5, 105),
  );
  await store.create('y', text('y'));
  await store.head('y');
  expect(await Array.fromAsync(store.list(''), ({ key }) => key)).toEqual(['x', 'y']);
  await store.delete(['y']);
  expect(proxy.seen.length).toBeGreaterThan(7);
  expect(proxy.connections()).toBe(1);
});

describe('an error that retries cannot solve', () => {
  test('is storage/unavailable for an endpoint that refuses connections', async () => {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const store = await subject.open({ endpoint, attemptsMax: 2 });
    await expect(store.create('x', text(''))).rejects.toMatchObject({
      code: 'storage/unavailable',
    });
  });

  test('names a bucket that does not exist', async () => {
    const bucket = `absent-${randomUUID()}`;
    const store = await openStore({ root: `s3://${bucket}/x`, s3: { endpoint: proxy.endpoint } });
    const named = { code: 'storage/not-found', message: expect.stringContaining(bucket) as string };
    await expect(store.create('x', text(''))).rejects.toMatchObject(named);
    await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(named);
  });
});
