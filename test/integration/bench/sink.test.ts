import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { unframe } from '../../bench/sink/body.ts';
import { type Sink, startSink } from '../../bench/sink/start.ts';

// The bench measures clients against this sink, so it must answer as S3 does.
let sink: Sink;
let store: ObjectStore;

beforeAll(async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' });
  sink = await startSink();
  store = await openStore({
    root: 's3://bench/root',
    s3: { endpoint: sink.endpoint, region: 'us-east-1', partBytes: 5 * 1024 ** 2 },
  });
});
afterAll(async () => {
  await store.close();
  await sink.stop();
});
beforeEach(async () => {
  await sink.reset();
  await sink.keep(true);
});

const LARGE = randomBytes(12 * 1024 ** 2);
async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

async function readAll(
  key: string,
  range: { offset?: number; length?: number } = {},
): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.get(key, range)));
}

test('the sink rejects the second writer of a key', async () => {
  await store.create('a.json', Buffer.from('one'));
  await expect(store.create('a.json', Buffer.from('two'))).rejects.toMatchObject({
    code: 'storage/exists',
  });
  expect(String(await readAll('a.json'))).toBe('one');
});

test('the sink joins the parts of an upload in order, and serves the object whole and by range', async () => {
  await store.upload('sets/data/0/a.pack', inPieces(LARGE));
  expect((await readAll('sets/data/0/a.pack')).equals(LARGE)).toBe(true);
  const range = { offset: 5 * 1024 ** 2 - 10, length: 20 };
  const slice = await readAll('sets/data/0/a.pack', range);
  expect(slice.equals(LARGE.subarray(range.offset, range.offset + range.length))).toBe(true);
});

test('the sink counts requests by operation and segment, and the bytes of bodies', async () => {
  await store.upload('sets/data/7/a.pack', inPieces(LARGE));
  await readAll('sets/data/7/a.pack', { offset: 0, length: 1000 });
  const { requests, requestsOf, bytesIn, bytesOut, bytesOutOf } = await sink.counts();
  expect(requests).toMatchObject({
    CreateMultipartUpload: 1,
    UploadPart: 3,
    CompleteMultipartUpload: 1,
  });
  expect(requestsOf['7']).toMatchObject({ UploadPart: 3, GetObject: 1 });
  expect(bytesIn).toBe(LARGE.length);
  expect([bytesOut, bytesOutOf['pack']]).toEqual([1000, 1000]);
});

test('the sink keeps the size of a discarded object, and keeps documents', async () => {
  await sink.keep(false);
  await store.upload('sets/data/0/a.pack', inPieces(LARGE));
  await store.create('manifest.json', LARGE.subarray(0, 2 * 1024 ** 2));
  expect((await store.head('sets/data/0/a.pack'))?.bytes).toBe(LARGE.length);
  expect(await readAll('manifest.json')).toHaveLength(2 * 1024 ** 2);
});

test('the sink lists keys in order, page by page, and groups them by a delimiter', async () => {
  for (let at = 0; at < 5; at += 1) await store.create(`sets/2026010${at}/x`, Buffer.from('x'));
  const keys = (await Array.fromAsync(store.list('sets/'))).map(({ key }) => key);
  expect(keys).toEqual([0, 1, 2, 3, 4].map((at) => `sets/2026010${at}/x`));
  expect(await Array.fromAsync(store.listPrefixes('sets/'))).toEqual(
    [0, 1, 2, 3, 4].map((at) => `2026010${at}/`),
  );
  const page = await fetch(`${sink.endpoint}/bench?list-type=2&prefix=root/sets/&max-keys=2`);
  const token = /<NextContinuationToken>(.*?)</.exec(await page.text())?.[1] ?? '';
  const next = await fetch(
    `${sink.endpoint}/bench?list-type=2&prefix=root/sets/&max-keys=2&continuation-token=${token}`,
  );
  expect(await next.text()).toContain('<Key>root/sets/20260102/x</Key>');
  await store.delete(keys.slice(1));
  expect((await Array.fromAsync(store.list('sets/'))).map(({ key }) => key)).toEqual(
    keys.slice(0, 1),
  );
});

test('the sink decodes an aws-chunked body, and rejects a malformed one', () => {
  expect(String(unframe(Buffer.from('3;chunk-signature=x\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')))).toBe(
    'abcde',
  );
  expect(() => unframe(Buffer.from('abc'))).toThrow(/not framed/);
});
