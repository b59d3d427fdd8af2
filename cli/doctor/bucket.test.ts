import { describe, expect, test } from 'vitest';
import { failure, success } from '../../backup-set/base/result.ts';
import type { BucketSetup } from '../../storage/s3/inspect-bucket.ts';
import { deploymentOf, NAMES } from '../../test/support/rights/deployment.ts';
import { policiesOf } from '../../test/support/rights/policies.ts';
import { securityTemplate } from '../../test/support/rights/template.ts';
import { checkBucketSetup } from './bucket.ts';

const template = await securityTemplate();
const deployment = deploymentOf(template);

/** The bucket policy of the stack, without one of its statements. */
function templatePolicy(without?: string): string {
  const statements = policiesOf(template, deployment).bucket.filter(({ Sid }) => Sid !== without);
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** The bucket that infra/aws/resources/bucket.yml creates. */
const MADE: BucketSetup = {
  bucket: NAMES.bucket,
  prefix: NAMES.prefix,
  isAws: true,
  versioning: success('Enabled'),
  objectLock: success({ mode: 'COMPLIANCE', days: 30 }),
  publicBlocked: success(true),
  encryption: success({ algorithm: 'AES256', keyId: undefined }),
  policy: success(templatePolicy()),
  abortsUploadsAfterDays: success(7),
  notifies: success({ eventBridge: true, others: 0 }),
};

const checksOf = (change: Partial<BucketSetup> = {}) =>
  checkBucketSetup({ ...MADE, ...change }, 'bucket');
const wrong = (change: Partial<BucketSetup>) =>
  checksOf(change)
    .filter(({ ok, remark }) => !ok || remark === true)
    .map(({ name, ok }) => `${ok ? 'note' : 'BAD'} ${name}`);

test('a bucket created by the template has neither BAD nor note', () => {
  expect(wrong({})).toEqual([]);
  expect(checksOf()).toHaveLength(11);
});

test.each([
  ['TlsOnly', 'note policy: requests without TLS'],
  ['CreateOnly', 'note policy: overwriting'],
  ['NoKeysOfWriters', 'note policy: keys of writers'],
  ['DeletedByItsRoleOnly', 'note policy: deletion'],
  ['VersionsStay', 'note policy: removal of versions'],
])('the policy without its statement %s gives "%s"', (sid, expected) => {
  expect(wrong({ policy: success(templatePolicy(sid)) })).toEqual([expected]);
});

describe('the check of a bucket policy against overwriting', () => {
  const overwriting = (statement: Record<string, unknown>) => {
    const Statement = {
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutObject',
      Resource: 'arn:aws:s3:::offsite/*',
      Condition: {
        Null: { 's3:if-none-match': 'true' },
        Bool: { 's3:ObjectCreationOperation': 'true' },
      },
      ...statement,
    };
    return wrong({ policy: success(JSON.stringify({ Statement })) }).includes(
      'note policy: overwriting',
    );
  };

  test.each([
    ['accepts the right statement', false, {}],
    ['accepts a principal in its long form', false, { Principal: { AWS: ['*'] } }],
    ['rejects a statement that allows', true, { Effect: 'Allow' }],
    [
      'rejects a statement about one principal',
      true,
      { Principal: { AWS: 'arn:aws:iam::123456789012:root' } },
    ],
    ['rejects a statement about another root', true, { Resource: 'arn:aws:s3:::offsite/other/*' }],
    ['rejects a statement about another bucket', true, { Resource: 'arn:aws:s3:::offsite2/*' }],
    ['rejects a statement about another action', true, { Action: 's3:GetObject' }],
    [
      'rejects the opposite condition',
      true,
      { Condition: { Null: { 's3:if-none-match': 'false' } } },
    ],
    [
      'rejects a further condition',
      true,
      {
        Condition: {
          Null: { 's3:if-none-match': 'true' },
          IpAddress: { 'aws:SourceIp': '10.0.0.0/8' },
        },
      },
    ],
    [
      'rejects a statement without conditions, which would deny every write',
      true,
      { Condition: {} },
    ],
  ])('%s', (_, isMissing, statement) => {
    expect(overwriting(statement)).toBe(isMissing);
  });

  test.each(['', 'null', '[]', '{"Statement":7}', '{"Statement":[null]}'])(
    'finds no statement in %s',
    (value) => {
      expect(wrong({ policy: success(value) })).toHaveLength(5);
    },
  );
});

test('on AWS, public access and missing events are BAD, and what can be improved is a note', () => {
  expect(wrong({ publicBlocked: success(undefined) })).toEqual(['BAD public access']);
  expect(wrong({ notifies: success({ eventBridge: false, others: 0 }) })).toEqual(['BAD events']);
  expect(wrong({ versioning: success('Suspended') })).toEqual(['note versioning']);
  expect(wrong({ objectLock: success(undefined) })).toEqual(['note Object Lock']);
  expect(wrong({ objectLock: success({}) })).toEqual(['note Object Lock']);
  expect(wrong({ abortsUploadsAfterDays: success(undefined) })).toEqual([
    'note unfinished uploads',
  ]);
  expect(wrong({ policy: success(undefined) })).toHaveLength(5);
  expect(wrong({ policy: failure('denied') })).toEqual(['note policy']);
});

test('of another server only the answers that it gives are checked, and not the policy', () => {
  const unsaid = failure('unsupported' as const);
  const change = {
    isAws: false,
    publicBlocked: unsaid,
    encryption: unsaid,
    policy: success('{}'),
  };
  expect(checksOf(change).map(({ name }) => name)).toEqual([
    'versioning',
    'Object Lock',
    'unfinished uploads',
    'events',
  ]);
  expect(wrong({ ...change, versioning: success(undefined) })).toEqual([]);
});
