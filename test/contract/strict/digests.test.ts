import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SeenRequest } from '../../support/servers/faulty-proxy.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { reusing, someBytes, text } from '../bytes.ts';
import { PART_BYTES } from '../subjects.ts';
import { openAsAws, openStrict, READER, useKeys } from './stores.ts';

// Buckets that demand digests: Object Lock with a default retention, and older servers.
let strict: StrictS3;
beforeAll(async () => {
  strict = await startStrictS3();
});
afterAll(() => strict.stop());
beforeEach(() => {
  strict.reset();
  useKeys(READER);
});

const isPut = ({ method }: SeenRequest) => method === 'PUT';
const isPart = ({ url }: SeenRequest) => url.includes('partNumber=');
const isSecondPart = ({ url }: SeenRequest) => url.includes('partNumber=2');
const large = someBytes(PART_BYTES + 1_000);
const upload = () => reusing(large, 1_000_000);
const stored = (key: string) => strict.objects.get(`strict/root/${key}`)?.body;
/** Which digest each PUT and part carried, in order. */
const digests = () =>
  strict.seen.filter(isPut).map(({ headers }) => {
    const found = [
      headers['x-amz-checksum-crc32'] !== undefined && 'crc32',
      headers['content-md5'] !== undefined && 'md5',
    ];
    return found.filter((one) => one !== false).join('+') || 'none';
  });

describe('a bucket that demands a digest', () => {
  test('gets a CRC-32 after it has refused one PUT, and then with every PUT and part', async () => {
    strict.rules.digest = 'any';
    const store = await openStrict(strict);
    await store.create('x', text('1'));
    await store.create('y', text('2'));
    await store.upload('z', upload());
    expect(digests()).toEqual(['none', 'crc32', 'crc32', 'crc32', 'crc32']);
    expect(stored('z')?.equals(large)).toBe(true);
  });

  test('gets Content-MD5 with the parts of an upload that was begun without checksums', async () => {
    strict.rules.digest = 'any';
    const store = await openStrict(strict, { partsInFlight: 1 });
    await store.upload('z', upload());
    expect(digests()).toEqual(['none', 'md5', 'md5']);
    await store.upload('next', upload());
    expect(digests().slice(3)).toEqual(['crc32', 'crc32']);
    expect(stored('next')?.equals(large)).toBe(true);
  });

  test('gets Content-MD5 when it asks for nothing else', async () => {
    strict.rules.digest = 'md5';
    const store = await openStrict(strict);
    await store.create('x', text('1'));
    await store.upload('z', upload());
    expect(digests()).toEqual(['none', 'md5', 'md5', 'md5']);
  });

  test('gets Content-MD5 when it rejects checksums, also with checksums: required', async () => {
    const message = "Unsupported header 'x-amz-checksum-crc32' received for this API call.";
    const body = `<Error><Code>InvalidArgument</Code><Message>${message}</Message></Error>`;
    strict.refuse({ status: 400, body }, { when: hasChecksum, times: Number.POSITIVE_INFINITY });
    const store = await openStrict(strict, { checksums: 'required' });
    await store.create('x', text('1'));
    await store.upload('z', upload());
    await store.delete(['x']);
    expect(digests()).toEqual(['crc32', 'md5', 'md5', 'md5']);
    expect(stored('x')).toBeUndefined();
  });

  test('gets a CRC-32 from the first PUT on with checksums: required', async () => {
    strict.rules.digest = 'any';
    const store = await openStrict(strict, { checksums: 'required' });
    await store.create('x', text('1'));
    await store.upload('z', upload());
    expect(digests()).toEqual(['crc32', 'crc32', 'crc32']);
  });

  test('gets none with checksums: never, and the error names the setting', async () => {
    strict.rules.digest = 'any';
    const store = await openStrict(strict, { checksums: 'never' });
    await expect(store.create('x', text('1'))).rejects.toMatchObject({
      code: 'storage/invalid',
      message: expect.stringContaining('Set storage.checksums to auto') as string,
    });
    expect(digests()).toEqual(['none']);
  });
});

const hasChecksum = ({ headers }: SeenRequest) =>
  headers['x-amz-checksum-crc32'] !== undefined ||
  headers['x-amz-checksum-algorithm'] !== undefined;

describe('without a demand', () => {
  test('AWS gets a CRC-32 with every PUT and part, and the CRC-32s with the completion', async () => {
    await using store = await openAsAws(strict);
    await store.create('x', text('1'));
    await store.upload('z', upload());
    expect(digests()).toEqual(['crc32', 'crc32', 'crc32']);
    expect(stored('z')?.equals(large)).toBe(true);
  });

  test('AWS gets none with checksums: never', async () => {
    await using store = await openAsAws(strict, { checksums: 'never' });
    await store.create('x', text('1'));
    expect(digests()).toEqual(['none']);
  });

  test.each([
    ['WHEN_SUPPORTED', ['crc32']],
    ['WHEN_REQUIRED', ['none']],
    ['', ['none']],
  ])('AWS_REQUEST_CHECKSUM_CALCULATION=%s decides on other servers', async (value, sent) => {
    if (value !== '') vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', value);
    const store = await openStrict(strict);
    await store.create('x', text('1'));
    vi.unstubAllEnvs();
    expect(digests()).toEqual(sent);
  });
});

test('request_checksum_calculation of the profile decides on other servers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'profile-'));
  await writeFile(
    join(folder, 'config'),
    '[default]\nrequest_checksum_calculation=when_supported\n',
  );
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
  try {
    const store = await openStrict(strict);
    await store.create('x', text('1'));
    expect(digests()).toEqual(['crc32']);
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});

test('a wrong value of AWS_REQUEST_CHECKSUM_CALCULATION is config/invalid and names the values', async () => {
  vi.stubEnv('AWS_REQUEST_CHECKSUM_CALCULATION', 'always');
  try {
    const store = await openStrict(strict);
    await expect(store.create('x', text('1'))).rejects.toMatchObject({
      code: 'config/invalid',
      message:
        'AWS_REQUEST_CHECKSUM_CALCULATION, or request_checksum_calculation of the profile, must be WHEN_SUPPORTED or WHEN_REQUIRED, not "always"',
    });
  } finally {
    vi.unstubAllEnvs();
  }
});

describe('bytes that differ from their digest', () => {
  test.each(['BadDigest', 'XAmzContentSHA256Mismatch', 'InvalidDigest'] as const)(
    'a PUT and a part that are refused for %s are sent again',
    async (refusal) => {
      const store = await openStrict(strict);
      strict.refuse(refusal, { when: isPut });
      await store.create('x', text('1'));
      strict.refuse(refusal, { when: isSecondPart });
      await store.upload('z', upload());
      expect(stored('z')?.equals(large)).toBe(true);
      expect(strict.seen.filter(isSecondPart)).toHaveLength(2);
    },
  );

  test('a PUT fails after three refusals for its digest', async () => {
    const store = await openStrict(strict);
    strict.refuse('BadDigest', { when: isPut, times: Number.POSITIVE_INFINITY });
    await expect(store.create('x', text('1'))).rejects.toMatchObject({
      code: 'storage/invalid',
      message: expect.stringContaining('the server received other bytes than were sent') as string,
    });
    expect(strict.seen.filter(isPut)).toHaveLength(3);
    expect(strict.seen.filter(isPart)).toHaveLength(0);
  });
});

test.each(['md5', 'any'] as const)('deletes are accepted where they need %s', async (digest) => {
  const store = await openStrict(strict);
  await store.create('x', text('1'));
  strict.rules.deleteDigest = digest;
  await store.delete(['x', 'absent']);
  expect(stored('x')).toBeUndefined();
  const { headers } = strict.seen.at(-1) ?? {};
  expect([headers?.['content-md5'], headers?.['x-amz-checksum-crc32']]).not.toContain(undefined);
});
