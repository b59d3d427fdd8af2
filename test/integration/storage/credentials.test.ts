import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';

const BYTES = Buffer.from('bytes');
let server: StrictS3;
let folder: string;
let file: string;

beforeAll(async () => {
  server = await startStrictS3();
  folder = await mkdtemp(join(tmpdir(), 'credentials-'));
  file = join(folder, 'credentials');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  server.reset();
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', file);
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  onTestFinished(() => void vi.unstubAllEnvs());
});

async function openHere(): Promise<ObjectStore> {
  const store = await openStore({ root: server.root, s3: { endpoint: server.endpoint } });
  onTestFinished(() => store.close());
  return store;
}

const writeKeys = (accessKey: string, token?: string) =>
  writeFile(
    file,
    [
      '[default]',
      `aws_access_key_id = ${accessKey}`,
      'aws_secret_access_key = secret',
      ...(token === undefined ? [] : [`aws_session_token = ${token}`]),
    ].join('\n'),
  );

/** Removes the old key from the server after it was replaced in the file. */
async function rotateKeys(accessKey: string): Promise<void> {
  await writeKeys(accessKey);
  server.rules.accessKeys = new Set([accessKey]);
  server.seen.length = 0;
}

const keysSeen = () =>
  server.seen.map(({ headers }) => /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1]);

test.each([
  ['a write', (store: ObjectStore) => store.create('new', BYTES)],
  ['a HEAD request, whose answer names no reason', (store: ObjectStore) => store.head('old')],
  ['a read', (store: ObjectStore) => store.read('old', { bytesMax: 100 })],
  ['a list', (store: ObjectStore) => Array.fromAsync(store.list(''))],
])('%s is sent again when the keys in the file were replaced', async (_, call) => {
  await writeKeys('OLD');
  const store = await openHere();
  await store.create('old', BYTES);
  await rotateKeys('NEW');
  await expect(call(store)).resolves.toBeDefined();
  expect(keysSeen()).toEqual(['OLD', 'NEW']);
  await call(store).catch(() => undefined);
  expect(keysSeen().slice(2)).not.toContain('OLD');
});

test('an upload in parts continues after the keys in the file were replaced', async () => {
  await writeKeys('OLD');
  const store = await openHere();
  async function* rows() {
    yield Buffer.alloc(6 * 1024 * 1024, 'a');
    await rotateKeys('NEW');
    yield Buffer.alloc(6 * 1024 * 1024, 'b');
  }
  await store.upload('pack', rows());
  expect(server.objects.get('strict/pack')?.body).toHaveLength(12 * 1024 * 1024);
});

test('keys that are wrong and stay the same are refused after one request', async () => {
  await writeKeys('WRONG');
  server.rules.accessKeys = new Set(['RIGHT']);
  const store = await openHere();
  for (const call of [() => store.create('key', BYTES), () => store.head('key')]) {
    server.seen.length = 0;
    await expect(call()).rejects.toMatchObject({ code: 'storage/denied' });
    expect(keysSeen()).toEqual(['WRONG']);
  }
});

test('keys that were replaced by wrong ones are refused after two requests', async () => {
  await writeKeys('OLD');
  const store = await openHere();
  await store.create('old', BYTES);
  await rotateKeys('NEW');
  server.rules.accessKeys = new Set(['OTHER']);
  await expect(store.create('key', BYTES)).rejects.toThrow('InvalidAccessKeyId');
  expect(keysSeen()).toEqual(['OLD', 'NEW']);
});

test('an expired session token is replaced by the one that the file has now', async () => {
  await writeKeys('KEY', 'first');
  const store = await openHere();
  await store.create('one', BYTES);
  server.rules.expiredTokens = new Set(['first']);
  await writeKeys('KEY', 'second');
  await store.create('other', BYTES);
  expect(server.seen.map(({ headers }) => headers['x-amz-security-token'])).toEqual([
    'first',
    'first',
    'second',
  ]);
});

test('a web identity is presented again when its session was revoked', async () => {
  const sts = await startSts();
  const token = join(folder, 'token');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', token);
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/backup');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts);
  await rm(file, { force: true });
  await writeFile(token, 'ONE');
  const store = await openHere();
  await store.create('one', BYTES);
  await writeFile(token, 'OTHER');
  server.rules.expiredTokens = new Set(['session of ONE']);
  await store.create('other', BYTES);
  expect(keysSeen()).toEqual(['KEYONE', 'KEYONE', 'KEYOTHER']);
  expect(await readFile(token, 'utf8')).toBe('OTHER');
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
