import { describe, expect, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { type Digests, digestPolicy, digestsAfter, NO_DIGESTS, sendBytes } from './digests.ts';

const CRC32: Digests = { crc32: true, md5: false };
const MD5: Digests = { crc32: false, md5: true };

const refusal = (name: string, message = name, status = 400) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });

const AWS = refusal(
  'InvalidRequest',
  'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
);
const MINIO = refusal(
  'InvalidRequest',
  'Content-MD5 HTTP header is required for Put Object requests with Object Lock parameters',
);
const OLD = refusal('MissingContentMD5', 'Missing required header for this request: Content-MD5.');
const B2 = refusal(
  'InvalidArgument',
  "Unsupported header 'x-amz-checksum-crc32' received for this API call.",
);
const NOT_IMPLEMENTED = refusal('NotImplemented', 'A header you provided implies', 501);

test.each([
  ['AWS asks for a digest', AWS, NO_DIGESTS, CRC32],
  ['MinIO asks for Content-MD5', MINIO, NO_DIGESTS, MD5],
  ['an old server asks for Content-MD5', OLD, NO_DIGESTS, MD5],
  ['an old server asks for Content-MD5 beside a CRC-32', OLD, CRC32, MD5],
  ['a server asks again for what it got', OLD, MD5, undefined],
  ['B2 rejects a CRC-32', B2, CRC32, MD5],
  ['a server does not implement a CRC-32', NOT_IMPLEMENTED, CRC32, MD5],
  ['a server does not implement something else', NOT_IMPLEMENTED, NO_DIGESTS, undefined],
  ['the digest was wrong', refusal('BadDigest', 'The CRC32 checksum differs'), CRC32, undefined],
  ['a key exists', refusal('PreconditionFailed', 'exists', 412), CRC32, undefined],
  ['access is denied', refusal('AccessDenied', 'x-amz-checksum', 403), CRC32, undefined],
  ['the network failed', new Error('socket hang up'), CRC32, undefined],
])('%s: the next request carries what fits', (_, error, sent, next) => {
  expect(digestsAfter(error, sent)).toEqual(next);
});

describe('a policy', () => {
  const supported = async () => true;
  const unsupported = async () => false;

  test.each([
    ['auto', unsupported, NO_DIGESTS],
    ['auto', supported, CRC32],
    ['required', unsupported, CRC32],
    ['never', supported, NO_DIGESTS],
  ] as const)('%s begins with what its setting says', async (setting, isSupported, digests) => {
    expect(await digestPolicy(setting, isSupported).current()).toEqual(digests);
  });

  test('keeps what the server has asked for, also when older requests are refused later', async () => {
    const policy = digestPolicy('auto', unsupported);
    expect(policy.learn(AWS, NO_DIGESTS)).toBe(true);
    expect(policy.learn(B2, CRC32)).toBe(true);
    expect(policy.learn(AWS, NO_DIGESTS)).toBe(true);
    expect(await policy.current()).toEqual(MD5);
  });

  test('learns nothing with never', () => {
    expect(digestPolicy('never', supported).learn(AWS, NO_DIGESTS)).toBe(false);
  });
});

test('bytes that change after their digest was computed are sent with the first digest', async () => {
  const bytes = Buffer.from('content');
  const sums: (string | undefined)[] = [];
  const sending = {
    bytes,
    doing: 'writing x',
    digests: async () => CRC32,
    learn: () => false,
  };
  const send = ({ ChecksumCRC32 }: { ChecksumCRC32?: string }) => {
    sums.push(ChecksumCRC32);
    bytes[0] = 0;
    const cause = refusal('BadDigest');
    return Promise.reject(new StowageError('storage/invalid', 'refused', { cause }));
  };
  await expect(sendBytes(sending, send)).rejects.toThrow('refused');
  expect(sums).toHaveLength(3);
  expect(new Set(sums).size).toBe(1);
});
