import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type KeyFile, keyFile, keysSeen } from '../../support/servers/strict-s3/key-file.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';

const BYTES = Buffer.from('bytes');
let server: StrictS3;
let keys: KeyFile;

beforeAll(async () => {
  server = await startStrictS3();
  keys = await keyFile(server);
});
afterAll(async () => {
  await server.stop();
  await keys.remove();
});
beforeEach(() => {
  server.reset();
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    vi.stubEnv(name, undefined);
  for (const [name, value] of Object.entries(keys.env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
});

async function openHere(): Promise<ObjectStore> {
  const store = await openStore({ root: server.root, s3: { endpoint: server.endpoint } });
  onTestFinished(() => store.close());
  return store;
}

test.each([
  ['a write', (store: ObjectStore) => store.create('new', BYTES)],
  ['a HEAD request, whose answer names no reason', (store: ObjectStore) => store.head('old')],
  ['a read', (store: ObjectStore) => store.read('old', { bytesMax: 100 })],
  ['a list', (store: ObjectStore) => Array.fromAsync(store.list(''))],
])('%s is sent again when the keys in the file were replaced', async (_, call) => {
  keys.write('OLD');
  const store = await openHere();
  await store.create('old', BYTES);
  keys.rotate('NEW');
  server.seen.length = 0;
  await expect(call(store)).resolves.toBeDefined();
  expect(keysSeen(server)).toEqual(['OLD', 'NEW']);
  await call(store).catch(() => undefined);
  expect(keysSeen(server).slice(2)).not.toContain('OLD');
});

test('an upload in parts continues after the keys in the file were replaced', async () => {
  keys.write('OLD');
  const store = await openHere();
  async function* rows() {
    yield Buffer.alloc(6 * 1024 * 1024, 'a');
    keys.rotate('NEW');
    yield Buffer.alloc(6 * 1024 * 1024, 'b');
  }
  await store.upload('pack', rows());
  expect(server.objects.get('strict/pack')?.body).toHaveLength(12 * 1024 * 1024);
});

test('keys that are wrong and stay the same are refused after one request', async () => {
  keys.write('WRONG');
  server.rules.accessKeys = new Set(['RIGHT']);
  const store = await openHere();
  for (const call of [() => store.create('key', BYTES), () => store.head('key')]) {
    server.seen.length = 0;
    await expect(call()).rejects.toMatchObject({ code: 'storage/denied' });
    expect(keysSeen(server)).toEqual(['WRONG']);
  }
});

test('keys that were replaced by wrong ones are refused after two requests', async () => {
  keys.write('OLD');
  const store = await openHere();
  await store.create('old', BYTES);
  keys.rotate('NEW');
  server.seen.length = 0;
  server.rules.accessKeys = new Set(['OTHER']);
  await expect(store.create('key', BYTES)).rejects.toThrow('InvalidAccessKeyId');
  expect(keysSeen(server)).toEqual(['OLD', 'NEW']);
});

test('an expired session token is replaced by the one that the file has now', async () => {
  keys.write('KEY', 'first');
  const store = await openHere();
  await store.create('one', BYTES);
  server.rules.expiredTokens = new Set(['first']);
  keys.write('KEY', 'second');
  await store.create('other', BYTES);
  expect(server.seen.map(({ headers }) => headers['x-amz-security-token'])).toEqual([
    'first',
    'first',
    'second',
  ]);
});

test('a write whose answer was lost before its session token expired is known as its own', async () => {
  keys.write('KEY', 'first');
  const store = await openHere();
  await store.create('one', BYTES);
  server.loseAnswers();
  const rotate = () => {
    keys.write('KEY', 'second');
    return true;
  };
  server.refuse('ExpiredToken', { when: rotate });
  expect(await store.create('other', BYTES)).toMatchObject({ key: 'other', bytes: BYTES.length });
});

test('a web identity is presented again when its session was revoked', async () => {
  const sts = await startSts();
  const token = join(dirname(keys.path), 'token');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', token);
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/backup');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts);
  await rm(keys.path, { force: true });
  await writeFile(token, 'ONE');
  const store = await openHere();
  await store.create('one', BYTES);
  await writeFile(token, 'OTHER');
  server.rules.expiredTokens = new Set(['session of ONE']);
  await store.create('other', BYTES);
  expect(keysSeen(server)).toEqual(['KEYONE', 'KEYONE', 'KEYOTHER']);
});

/** Answers AssumeRoleWithWebIdentity with keys that are named after the token. */
async function startSts(): Promise<string> {
  const sts = createServer((request, response) => {
    let body = '';
    request.on('data', (some: Buffer) => (body += some.toString()));
    request.on('end', () => {
      const token = new URLSearchParams(body).get('WebIdentityToken');
      const keys = `<AccessKeyId>KEY${token}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>session of ${token}</SessionToken>`;
      const expiration = new Date(Date.now() + 3600_000).toISOString();
      response.setHeader('content-type', 'text/xml');
      response.end(
        `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>${keys}<Expiration>${expiration}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      );
    });
  });
  sts.listen(0, '127.0.0.1');
  await once(sts, 'listening');
  onTestFinished(() => void sts.close());
  return `http://127.0.0.1:${(sts.address() as AddressInfo).port}`;
}
