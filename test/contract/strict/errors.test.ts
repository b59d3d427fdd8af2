import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { ObjectStore } from '../../../storage/store.ts';
import {
  type Answer,
  type ErrorName,
  gatewayAnswer,
  redirectAnswer,
} from '../../support/servers/strict-s3/answers.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { text } from '../bytes.ts';
import { openStrict, READER, useKeys } from './stores.ts';

// Each refusal by its name: what is wrong, and what to do.
let strict: StrictS3;
let store: ObjectStore;
beforeAll(async () => {
  strict = await startStrictS3();
});
afterAll(() => strict.stop());
beforeEach(async () => {
  strict.reset();
  useKeys(READER);
  store = await openStrict(strict, { attemptsMax: 1 });
});
afterEach(() => vi.unstubAllEnvs());

const create = () => store.create('x', text('1'));
const list = () => Array.fromAsync(store.list(''));
const head = () => store.head('x');
const redirect = redirectAnswer('eu-central-1');
const region = 'bucket strict is in region eu-central-1. Set storage.region to eu-central-1';

test.each<[string, string, ErrorName | Answer, () => Promise<unknown>, string]>([
  ['a PUT in another region', 'storage/invalid', redirect, create, region],
  ['a HEAD in another region', 'storage/invalid', redirect, head, region],
  [
    'an unsupported request',
    'storage/invalid',
    'NotImplemented',
    create,
    'the server does not support this request: NotImplemented',
  ],
  [
    'the page of a gateway that has no server',
    'storage/unavailable',
    gatewayAnswer(502, '502 Bad Gateway'),
    create,
    'nginx/1.24.0 answered “502 Bad Gateway nginx/1.24.0” instead of S3 (HTTP 502)',
  ],
  [
    'the page of a firewall',
    'storage/denied',
    gatewayAnswer(403, 'Blocked', 'waf'),
    list,
    'waf answered “Blocked waf” instead of S3 (HTTP 403)',
  ],
  [
    'the page of a portal that answers a PUT by HTTP 200',
    'storage/invalid',
    gatewayAnswer(200, 'Log in'),
    create,
    'the response of the server has no ETag',
  ],
  [
    'a text instead of XML',
    'storage/unavailable',
    { status: 503, headers: { 'content-type': 'text/plain' }, body: 'upstream connect error' },
    list,
    'StrictS3 answered “upstream connect error” instead of S3 (HTTP 503)',
  ],
  [
    'an unknown access key',
    'storage/denied',
    'InvalidAccessKeyId',
    create,
    'the server does not know the access key (InvalidAccessKeyId). Check AWS_ACCESS_KEY_ID',
  ],
  [
    'a wrong secret key',
    'storage/denied',
    'SignatureDoesNotMatch',
    create,
    'the secret key does not fit the access key (SignatureDoesNotMatch)',
  ],
  [
    'an expired token',
    'storage/denied',
    'ExpiredToken',
    create,
    'the session token has expired (ExpiredToken). Get new credentials',
  ],
])('%s is %s, and the message says why and what to do', async (_, code, answer, act, words) => {
  strict.refuse(answer, { times: Number.POSITIVE_INFINITY });
  await expect(act()).rejects.toMatchObject({
    code,
    message: expect.stringContaining(words) as string,
  });
});

test('a bucket that does not exist is named, and what to do', async () => {
  strict.buckets.delete('strict');
  await expect(create()).rejects.toMatchObject({
    code: 'storage/not-found',
    message: expect.stringContaining('bucket strict does not exist. Create it, or') as string,
  });
  strict.buckets.add('strict');
});

test('clocks that differ are both printed, with their difference', async () => {
  Object.assign(strict.rules, { refusesSkew: true, clockOffsetMs: 3_600_000 });
  await expect(create()).rejects.toMatchObject({
    code: 'storage/denied',
    message: expect.stringMatching(
      /the clocks differ by 60 minutes: it is \S+Z on this host and \S+Z on the server\./,
    ) as string,
  });
});

test('missing credentials are named, and where to give them', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  store = await openStrict(strict, { attemptsMax: 1 });
  await expect(create()).rejects.toMatchObject({
    code: 'storage/denied',
    message: expect.stringContaining('no credentials were found. Set AWS_ACCESS_KEY_ID') as string,
  });
});
