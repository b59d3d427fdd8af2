import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';

/** Accepts connections and requests, and never answers. */
let server: Server;
let store: ObjectStore;
const sockets = new Set<Socket>();

beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.resume().on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' });
  // Without the limit of stallSeconds, a hundred attempts would take a quarter of an hour.
  const s3 = { endpoint, stallMs: 200, attemptsMax: 100 };
  store = await openStore({ root: 's3://bucket/root', s3, stallSeconds: 1 });
});
afterAll(async () => {
  await store?.close();
  for (const socket of sockets) socket.destroy();
  server?.close();
});

test.each([
  ['create', () => store.create('sets/a', Buffer.from('bytes'))],
  ['head', () => store.head('sets/a')],
  ['read', () => store.read('sets/a', { bytesMax: 10 })],
  ['list', () => Array.fromAsync(store.list('sets/'))],
  ['upload', () => store.upload('sets/a', Readable.from([Buffer.from('bytes')]))],
])(
  '%s fails when the server was silent for stallSeconds, however many attempts are left',
  async (_, run) => {
    await expect(run()).rejects.toMatchObject({ code: 'storage/unavailable' });
  },
);
