import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { collect, text } from './bytes.ts';

// What no S3 server should say, and a proxy or a cache between it and us may.
const OBJECT = text('0123456789');
let server: Server;
let answer: RequestListener;
let asked: (string | undefined)[] = [];
let store: ObjectStore;

beforeAll(async () => {
  server = createServer((from, to) => {
    asked.push(from.headers.range);
    answer(from, to);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(async () => {
  asked = [];
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  store = await openStore({
    root: 's3://bucket/prefix',
    s3: { endpoint, region: 'us-east-1', forcePathStyle: true, attemptsMax: 2 },
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await store.close();
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Bytes `from` to `to` (exclusive) of the object, said to be `range`. */
function gives(from: number, to: number, range: string, etag = 'one'): RequestListener {
  return (_, response) => {
    response.writeHead(206, {
      'Content-Range': `bytes ${range}/10`,
      ETag: `"${etag}"`,
      'Content-Length': to - from,
    });
    response.end(OBJECT.subarray(from, to));
  };
}
const middle = () => collect(store.get('x', { offset: 2, length: 4 }));

test('the bytes that were asked for are given', async () => {
  answer = gives(2, 6, '2-5');
  expect(await middle()).toEqual(text('2345'));
});

test('a range that ends early is asked for again from there, and is no end', async () => {
  const [first, later] = [gives(2, 4, '2-3'), gives(4, 6, '4-5')];
  answer = (from, to) => (from.headers.range === 'bytes=4-5' ? later : first)(from, to);
  expect(await middle()).toEqual(text('2345'));
  expect(asked).toEqual(['bytes=2-5', 'bytes=4-5']);
});

test('the rest of a range is taken from the same object only', async () => {
  const [first, later] = [gives(2, 4, '2-3'), gives(4, 6, '4-5', 'another')];
  answer = (from, to) => (from.headers.range === 'bytes=4-5' ? later : first)(from, to);
  await expect(middle()).rejects.toMatchObject({ code: 'storage/changed' });
});

test('more than was asked for is refused', async () => {
  answer = gives(2, 8, '2-7');
  await expect(middle()).rejects.toMatchObject({ code: 'storage/invalid' });
});

test('a range that begins elsewhere is refused', async () => {
  answer = gives(3, 7, '3-6');
  await expect(middle()).rejects.toMatchObject({ name: 'StowageError' });
});

test('the whole object for its first bytes is refused', async () => {
  answer = (_, response) =>
    response.writeHead(200, { ETag: '"one"', 'Content-Length': 10 }).end(OBJECT);
  await expect(collect(store.get('x', { offset: 0, length: 4 }))).rejects.toMatchObject({
    code: 'storage/invalid',
  });
});
