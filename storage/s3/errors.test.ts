import { expect, test } from 'vitest';
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
