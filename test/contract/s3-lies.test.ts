import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { collect, text } from './bytes.ts';

// Wrong responses that a proxy or a cache in front of an S3 server may send.
const OBJECT = text('0123456789');
let server: Server;
let answer: RequestListener;
let requestedRanges: (string | undefined)[] = [];
let store: ObjectStore;

beforeAll(async () => {
  server = createServer((from, to) => {
    requestedRanges.push(from.headers.range);
    answer(from, to);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(async () => {
  requestedRanges = [];
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test-key');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test-secret');
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

/** Responds with bytes `from` to `to` (exclusive) of the object, declared as `range`. */
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

test('a read yields the requested bytes', async () => {
  answer = gives(2, 6, '2-5');
  expect(await middle()).toEqual(text('2345'));
});

test('a read requests the rest of a range that ended early', async () => {
  const [first, later] = [gives(2, 4, '2-3'), gives(4, 6, '4-5')];
  answer = (from, to) => (from.headers.range === 'bytes=4-5' ? later : first)(from, to);
  expect(await middle()).toEqual(text('2345'));
  expect(requestedRanges).toEqual(['bytes=2-5', 'bytes=4-5']);
});

test('a read fails when the rest of a range belongs to another object', async () => {
  const [first, later] = [gives(2, 4, '2-3'), gives(4, 6, '4-5', 'another')];
  answer = (from, to) => (from.headers.range === 'bytes=4-5' ? later : first)(from, to);
  await expect(middle()).rejects.toMatchObject({ code: 'storage/changed' });
});

test('a read rejects more bytes than it requested', async () => {
  answer = gives(2, 8, '2-7');
  await expect(middle()).rejects.toMatchObject({ code: 'storage/invalid' });
});

test('a read rejects a range with another start', async () => {
  answer = gives(3, 7, '3-6');
  await expect(middle()).rejects.toMatchObject({ name: 'StowageError' });
});

test('a read of the first bytes rejects the whole object', async () => {
  answer = (_, response) =>
    response.writeHead(200, { ETag: '"one"', 'Content-Length': 10 }).end(OBJECT);
  await expect(collect(store.get('x', { offset: 0, length: 4 }))).rejects.toMatchObject({
    code: 'storage/invalid',
  });
});
