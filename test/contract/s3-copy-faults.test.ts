import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { StoreSettings } from '../../storage/settings.ts';
import type { ObjectStore } from '../../storage/store.ts';
import {
  type FaultyProxy,
  type SeenRequest,
  startFaultyProxy,
} from '../support/servers/faulty-proxy.ts';
import { collect, reusing, sha256, someBytes } from './bytes.ts';
import { cephSubject, directorySubject, PART_BYTES } from './subjects.ts';

// A copy from a directory to Ceph is streamed by lib-storage. A proxy injects the faults between us
// and Ceph.
const directory = directorySubject();
const ceph = cephSubject();
let proxy: FaultyProxy;

beforeAll(async () => {
  await directory.start();
  await ceph.start();
  proxy = await startFaultyProxy(ceph.ceph().endpoint);
});
afterAll(async () => {
  await proxy?.stop();
  await ceph.stop();
  await directory.stop();
});
beforeEach(() => proxy.reset());

const isPart = ({ url }: SeenRequest) => url.includes('partNumber=2');
const isBegin = ({ method, url }: SeenRequest) => method === 'POST' && url.includes('?uploads');
const isCompletion = ({ method, url }: SeenRequest) =>
  method === 'POST' && url.includes('uploadId=');

/** A directory with the object `x` of four parts, and an empty root on Ceph behind the proxy. */
async function stores(s3?: StoreSettings['s3']) {
  const content = someBytes(3 * PART_BYTES + 7);
  const source = await directory.open();
  await source.upload('x', reusing(content, 1_000_000));
  const target = await ceph.open({ endpoint: proxy.endpoint, ...s3 });
  return { source, target, content };
}

async function expectNothing(target: ObjectStore): Promise<void> {
  expect(await Array.fromAsync(target.pendingUploads(''))).toEqual([]);
  expect(await Array.fromAsync(target.list(''))).toEqual([]);
}

test('a streamed copy sends a part again when its connection is reset or its response is lost', async () => {
  const { source, target, content } = await stores();
  proxy.injectFault({ kind: 'reset-request' }, { when: isPart });
  proxy.injectFault({ kind: 'drop-response' }, { when: isPart });
  const made = await target.copyFrom(source, 'x');
  expect(proxy.seen.filter(isPart)).toHaveLength(3);
  expect(sha256(await collect(target.get('x')))).toBe(sha256(content));
  expect(await target.head('x')).toMatchObject({ bytes: content.length, etag: made.etag });
});

test('a streamed copy recognises its object when the response to the completion is lost', async () => {
  const { source, target, content } = await stores();
  proxy.injectFault({ kind: 'drop-response' }, { when: isCompletion });
  const made = await target.copyFrom(source, 'x');
  expect(proxy.seen.filter(isCompletion)).toHaveLength(2);
  expect(await target.head('x')).toMatchObject({ bytes: content.length, etag: made.etag });
});

test('a streamed copy sends Ceph no condition with the completion', async () => {
  const { source, target } = await stores();
  await target.copyFrom(source, 'x');
  const [completion] = proxy.seen.filter(isCompletion);
  expect(completion?.headers['if-none-match']).toBeUndefined();
});

test('a streamed copy fails when the server keeps rejecting a part, and leaves no upload', async () => {
  const { source, target } = await stores({ attemptsMax: 2 });
  proxy.injectFault({ kind: 'server-error' }, { times: 2, when: isPart });
  await expect(target.copyFrom(source, 'x')).rejects.toMatchObject({ code: 'storage/unavailable' });
  await expectNothing(target);
});

test('a streamed copy that is cancelled while its upload begins leaves no upload', async () => {
  const { source, target } = await stores();
  const stop = new AbortController();
  proxy.injectFault({ kind: 'none' }, { when: isBegin, onFault: () => stop.abort() });
  const copy = target.copyFrom(source, 'x', { signal: stop.signal });
  await expect(copy).rejects.toMatchObject({ code: 'interrupted' });
  expect(proxy.seen.some(isBegin)).toBe(true);
  await expectNothing(target);
});

test('a streamed copy that is cancelled while a part is sent leaves no upload when it rejects', async () => {
  const { source, target } = await stores();
  const stop = new AbortController();
  proxy.injectFault({ kind: 'none' }, { when: isPart, onFault: () => stop.abort() });
  const copy = target.copyFrom(source, 'x', { signal: stop.signal });
  await expect(copy).rejects.toMatchObject({ code: 'interrupted' });
  await expectNothing(target);
});

test('a streamed copy whose source stalls after a part has failed ends with the failure', async () => {
  const { source, target } = await stores({ attemptsMax: 1 });
  const stalling: ObjectStore = {
    ...source,
    async *get(key) {
      yield* source.get(key, { length: 2 * PART_BYTES + 1 });
      await new Promise(() => undefined);
    },
  };
  proxy.injectFault({ kind: 'server-error' }, { when: isPart });
  const copy = target.copyFrom(stalling, 'x');
  await expect(copy).rejects.toMatchObject({ code: 'storage/unavailable' });
  await expectNothing(target);
});
