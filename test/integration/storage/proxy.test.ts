import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { openStore } from '../../../storage/open.ts';
import type { S3Settings } from '../../../storage/settings.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import {
  type Authority,
  type Certificates,
  makeCertificates,
} from '../../support/servers/certificates.ts';
import { type ConnectProxy, startConnectProxy } from '../../support/servers/connect-proxy.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { startTlsFront } from '../../support/servers/tls-front.ts';

const BYTES = Buffer.from('bytes');
/** Only the proxy resolves it. */
const NAME = 'store.only-the-proxy.test';
const PASSWORD = 'backup:s3cr3t';
let server: StrictS3;
let certificates: Certificates;
let authority: Authority;
let front: Awaited<ReturnType<typeof startTlsFront>>;
let proxy: ConnectProxy;

beforeAll(async () => {
  server = await startStrictS3();
  certificates = await makeCertificates();
  authority = await certificates.authority('authority');
  const port = Number(new URL(server.endpoint).port);
  front = await startTlsFront(await authority.issue('store', NAME), port);
  proxy = await startConnectProxy({
    names: new Map([
      [NAME, front.port],
      [`plain.${NAME}`, port],
    ]),
    password: PASSWORD,
  });
});
afterAll(async () => {
  await proxy.stop();
  await front.stop();
  await server.stop();
  await certificates.remove();
});
beforeEach(() => {
  server.reset();
  proxy.seen.length = 0;
  const url = `http://${PASSWORD}@127.0.0.1:${proxy.port}`;
  const env = { HTTPS_PROXY: url, HTTP_PROXY: url, AWS_ACCESS_KEY_ID: 'k' };
  for (const [name, value] of Object.entries({ ...env, AWS_SECRET_ACCESS_KEY: 's' }))
    vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
});

async function openHere(s3: S3Settings = {}): Promise<ObjectStore> {
  const store = await openStore({
    root: server.root,
    s3: { endpoint: `https://${NAME}`, attemptsMax: 1, ...s3 },
  });
  onTestFinished(() => store.close());
  return store;
}

test('requests go through a tunnel to a name that only the proxy resolves, and the tunnel stays open', async () => {
  const store = await openHere({ caFile: authority.certFile });
  for (const key of ['a', 'b', 'c']) await store.create(key, BYTES);
  expect(Buffer.from(await store.read('a', { bytesMax: 100 }))).toEqual(BYTES);
  expect(server.seen).toHaveLength(4);
  // The two clients of a store share the pool.
  expect(proxy.seen).toEqual([`CONNECT ${NAME}:443`]);
});

test('AWS_CA_BUNDLE names the authority where storage.caFile does not', async () => {
  vi.stubEnv('AWS_CA_BUNDLE', authority.certFile);
  await (await openHere()).create('a', BYTES);
  expect(server.seen).toHaveLength(1);
});

test('a server of an unknown authority is rejected, and the message names the setting', async () => {
  const store = await openHere();
  await expect(store.create('a', BYTES)).rejects.toThrow(/certificate.*storage\.caFile/);
  expect(server.seen).toEqual([]);
});

test('a request to an http:// server goes to the proxy with its whole URL', async () => {
  const store = await openHere({ endpoint: `http://plain.${NAME}:9000` });
  await store.create('a b', BYTES);
  await Array.fromAsync(store.list('a'));
  expect(server.objects.has('strict/a b')).toBe(true);
  expect(proxy.seen[0]).toBe(`PUT http://plain.${NAME}:9000/strict/a%20b?x-id=PutObject`);
  expect(proxy.seen[1]).toMatch(/^GET http:\/\/plain.*list-type=2/);
});

test('the keys of a web identity are asked for through the proxy, too', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere');
  vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', authority.certFile);
  vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/backup');
  vi.stubEnv('AWS_ENDPOINT_URL_STS', `https://${NAME}`);
  const store = await openHere({ caFile: authority.certFile });
  // The server is no STS.
  await expect(store.create('a', BYTES)).rejects.toThrow();
  expect(proxy.seen).toEqual([`CONNECT ${NAME}:443`]);
  expect(server.seen[0]).toMatchObject({ method: 'POST', url: '/' });
});

test('NO_PROXY takes the direct way', async () => {
  vi.stubEnv('NO_PROXY', '.only-the-proxy.test');
  const store = await openHere({ caFile: authority.certFile });
  await expect(store.create('a', BYTES)).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
  expect(proxy.seen).toEqual([]);
});

test.each([
  ['https', 'https://', 'a connection to store.only-the-proxy.test:443'],
  ['http', 'http://plain.', 'a request to plain.store.only-the-proxy.test:80'],
])('a proxy that refuses the password is named by host and port (%s)', async (_, start, what) => {
  const url = `http://me:wr0ng@127.0.0.1:${proxy.port}`;
  vi.stubEnv('HTTPS_PROXY', url);
  vi.stubEnv('HTTP_PROXY', url);
  const store = await openHere({ endpoint: `${start}${NAME}`, attemptsMax: 3 });
  const error: unknown = await store.create('a', BYTES).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    message: expect.stringContaining(
      `the proxy 127.0.0.1:${proxy.port} refuses ${what} (HTTP 407`,
    ) as string,
  });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wr0ng');
  expect(proxy.seen).toHaveLength(1);
});

test('a proxy that cannot reach the server is named, and asked again', async () => {
  const store = await openHere({ endpoint: 'https://unknown.test', attemptsMax: 2 });
  await expect(store.create('a', BYTES)).rejects.toMatchObject({
    code: 'storage/unavailable',
    message: expect.stringMatching(
      /the proxy 127\.0\.0\.1:\d+ refuses a connection to unknown\.test:443 \(HTTP 502 Bad Gateway\)/,
    ) as string,
  });
  expect(proxy.seen).toHaveLength(2);
});

test.each(['https', 'http'])(
  'a proxy of %s that is down is named, without its password',
  async (scheme) => {
    vi.stubEnv(`${scheme.toUpperCase()}_PROXY`, 'http://me:wr0ng@127.0.0.1:1');
    const store = await openHere({ endpoint: `${scheme}://${NAME}` });
    const written = store.create('a', BYTES);
    await expect(written).rejects.toThrow(
      /the proxy 127\.0\.0\.1:1 is not reached: .*ECONNREFUSED/,
    );
    await expect(written).rejects.not.toThrow(/wr0ng/);
  },
);

test('a file of authorities that cannot be used is rejected by the name of its setting', async () => {
  await expect(openHere({ caFile: '/nowhere/ca.pem' })).rejects.toMatchObject({
    code: 'config/invalid',
    message: expect.stringMatching(
      /storage\.caFile: cannot use \/nowhere\/ca\.pem: ENOENT/,
    ) as string,
  });
  vi.stubEnv('AWS_CA_BUNDLE', authority.keyFile);
  await expect(openHere()).rejects.toThrow(
    /AWS_CA_BUNDLE: cannot use .*no certificate in PEM form/,
  );
});
