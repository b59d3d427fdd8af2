import { describe, expect, test } from 'vitest';
import { s3Error } from './errors.ts';
import { etagOfParts, plainEtag } from './etags.ts';

const thrown = (name: string, status?: number, extra: object = {}) =>
  Object.assign(new Error('words'), { name, $metadata: { httpStatusCode: status }, ...extra });

test.each([
  ['NoSuchKey', 404, 'storage/not-found'],
  ['NotFound', 404, 'storage/not-found'],
  ['NoSuchUpload', 404, 'storage/not-found'],
  ['NoSuchBucket', 404, 'storage/not-found'],
  ['PreconditionFailed', 412, 'storage/exists'],
  ['ConditionalRequestConflict', 409, 'storage/exists'],
  ['AccessDenied', 403, 'storage/denied'],
  ['SignatureDoesNotMatch', 403, 'storage/denied'],
  ['ExpiredToken', 400, 'storage/denied'],
  ['CredentialsProviderError', undefined, 'storage/denied'],
  ['EntityTooLarge', 400, 'storage/too-large'],
  ['SlowDown', 503, 'storage/unavailable'],
  ['TooManyRequests', 429, 'storage/unavailable'],
  ['InternalError', 500, 'storage/unavailable'],
  ['TimeoutError', undefined, 'storage/unavailable'],
  ['Error', undefined, 'storage/unavailable'],
  ['InvalidArgument', 400, 'storage/invalid'],
  ['PermanentRedirect', 301, 'storage/invalid'],
  ['NotImplemented', 501, 'storage/invalid'],
  ['Unknown', 501, 'storage/invalid'],
  ['Unknown', 502, 'storage/unavailable'],
])('%s (HTTP %s) is %s', (name, status, code) => {
  const cause = thrown(name, status);
  const error = s3Error(cause, 'reading x', 'bucket', 'x');
  expect(error).toMatchObject({ code, cause, where: { object: 'x' } });
  expect(error.message).toMatch(/^reading x failed: /);
});

test('the message about a missing bucket names it', () => {
  expect(s3Error(thrown('NoSuchBucket', 404), 'listing', 'backups').message).toContain(
    'bucket backups does not exist',
  );
});

test('plainEtag removes quotes, and an empty ETag is undefined', () => {
  expect(['"abc-3"', 'abc-3', 'W/"abc-3"'].map(plainEtag)).toEqual(['abc-3', 'abc-3', 'abc-3']);
  expect(['', '""', undefined].map(plainEtag)).toEqual([undefined, undefined, undefined]);
});

test('etagOfParts is the MD5 of the MD5s of the parts, or undefined when a part has none', () => {
  // md5(md5('a') . md5('b')), computed with another program; the contract suite compares with a
  // real server's.
  const [a, b] = ['0cc175b9c0f1b6a831c399e269772661', '92eb5ffee6ae2fec3ad71c777531578f'];
  expect(etagOfParts([a, b])).toBe('96e024ba2074fe77e8e965ba43a704be-2');
  expect(etagOfParts([a, 'not-an-md5'])).toBeUndefined();
  expect(etagOfParts([a, undefined])).toBeUndefined();
});

describe('the reason of a failure', () => {
  const now = new Date('2026-01-31T12:00:00Z');
  const reasonOf = (name: string, status: number | undefined, extra: object) => {
    const { message } = s3Error(thrown(name, status, extra), 'reading', 'backups', 'x', now);
    return message.slice('reading failed: '.length);
  };
  const headers = (values: object) => ({ $response: { headers: values } });

  test.each([
    [
      'of a redirect without a body has the region of the bucket',
      ['Unknown', 301, headers({ 'x-amz-bucket-region': 'eu-west-1' })],
      'bucket backups is in region eu-west-1. Set storage.region to eu-west-1 (HTTP 301)',
    ],
    [
      'of a wrong region in the signature has the right one',
      ['AuthorizationHeaderMalformed', 400, { Region: 'eu-west-1' }],
      'bucket backups is in region eu-west-1. Set storage.region to eu-west-1 (HTTP 400)',
    ],
    [
      'of a redirect without a region has the endpoint',
      ['PermanentRedirect', 301, { Endpoint: 'backups.example.org' }],
      'bucket backups is at backups.example.org. Set storage.endpoint to its URL (HTTP 301)',
    ],
    [
      'of clocks that differ has both times and the difference',
      ['RequestTimeTooSkewed', 403, { ServerTime: '2026-01-31T14:00:00Z' }],
      'the clocks differ by 120 minutes: it is 2026-01-31T12:00:00.000Z on this host and 2026-01-31T14:00:00.000Z on the server. Synchronize both (NTP) (HTTP 403)',
    ],
    [
      'of clocks that differ names no time when the server gave none',
      ['RequestTimeTooSkewed', 403, {}],
      'the clock of this host differs too much from the clock of the server. Synchronize both (HTTP 403)',
    ],
    [
      'of a page has its first words without markup, and no more than 120 characters',
      ['Error', 502, { $responseBodyText: `<script>x</script><p>${'word '.repeat(99)}</p>` }],
      `a gateway answered “${'word '.repeat(24)}…” instead of S3 (HTTP 502)`,
    ],
    [
      'of an empty page says so',
      ['Error', 502, { $responseBodyText: '', ...headers({ server: 'envoy' }) }],
      'envoy answered an empty page instead of S3 (HTTP 502)',
    ],
    [
      'of a HEAD names the server',
      ['Unknown', 403, headers({ server: 'nginx' })],
      'the server gave no reason (HTTP 403, server nginx)',
    ],
  ] as const)('%s', (_, [name, status, extra], reason) => {
    expect(reasonOf(name, status, extra)).toBe(reason);
  });
});
