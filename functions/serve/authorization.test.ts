import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isAuthorized } from './authorization.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('isAuthorized', () => {
  it.each(['Bearer s3:cret', 'bearer s3:cret', basic('stowage:s3:cret'), basic(':s3:cret')])(
    'accepts the header %s',
    (header) => {
      expect(isAuthorized(header, ['other', 's3:cret'])).toBe(true);
    },
  );

  it.each([
    undefined,
    '',
    's3:cret',
    'Bearer',
    'Bearer ',
    'Bearer s3:cre',
    'Bearer s3:cret s3:cret',
    'Digest s3:cret',
    'Basic s3:cret',
    basic('s3:cret'),
    basic('stowage:'),
  ])('rejects the header %s', (header) => {
    expect(isAuthorized(header, ['s3:cret'])).toBe(false);
  });

  it('is false for an empty header when there are no secrets', () => {
    expect(isAuthorized(undefined, [])).toBe(false);
  });

  it.each([
    // The URL of the sender had the password percent-encoded.
    ['ceph-rgw', 5, 's3cret+x'],
    ['versitygw', 0, 'pa+ss'],
    ['minio', 0, 's3cret-token'],
  ])('accepts a captured header of %s', (sender, index, secret) => {
    const requests = JSON.parse(
      readFileSync(new URL(`../events/fixtures/${sender}.json`, import.meta.url), 'utf8'),
    ) as { headers: Record<string, string> }[];
    expect(isAuthorized(requests[index]?.headers['authorization'], [secret])).toBe(true);
    expect(isAuthorized(requests[index]?.headers['authorization'], ['other'])).toBe(false);
  });
});
