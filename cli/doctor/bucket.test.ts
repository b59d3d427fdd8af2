import { describe, expect, test } from 'vitest';
import type { BucketSetup } from '../../storage/s3/deployment.ts';
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
  versioning: { value: 'Enabled' },
  objectLock: { value: { mode: 'COMPLIANCE', days: 30 } },
  publicBlocked: { value: true },
  encryption: { value: { algorithm: 'AES256', keyId: undefined } },
  policy: { value: templatePolicy() },
  abortsUploadsAfterDays: { value: 7 },
  notifies: { value: { eventBridge: true, others: 0 } },
};

const checksOf = (change: Partial<BucketSetup> = {}) =>
  checkBucketSetup({ ...MADE, ...change }, 'bucket');
const wrong = (change: Partial<BucketSetup>) =>
  checksOf(change)
    .filter(({ ok, remark }) => !ok || remark === true)
    .map(({ name, ok }) => `${ok ? 'note' : 'BAD'} ${name}`);

test('a bucket created by the template has neither BAD nor note', () => {
  expect(wrong({})).toEqual([]);
  expect(checksOf()).toHaveLength(10);
});

test.each([
  ['TlsOnly', 'note policy: requests without TLS'],
  ['CreateOnly', 'note policy: overwriting'],
  ['NoKeysOfWriters', 'note policy: keys of writers'],
  ['DeletedByItsRoleOnly', 'note policy: deletion'],
])('the policy without its statement %s gives "%s"', (sid, expected) => {
  expect(wrong({ policy: { value: templatePolicy(sid) } })).toEqual([expected]);
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
    return wrong({ policy: { value: JSON.stringify({ Statement }) } }).includes(
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
      expect(wrong({ policy: { value } })).toHaveLength(4);
    },
  );
});

test('on AWS, public access and missing events are BAD, and what can be improved is a note', () => {
  expect(wrong({ publicBlocked: { value: undefined } })).toEqual(['BAD public access']);
  expect(wrong({ notifies: { value: { eventBridge: false, others: 0 } } })).toEqual(['BAD events']);
  expect(wrong({ versioning: { value: 'Suspended' } })).toEqual(['note versioning']);
  expect(wrong({ objectLock: { value: undefined } })).toEqual(['note Object Lock']);
  expect(wrong({ abortsUploadsAfterDays: { value: undefined } })).toEqual([
    'note unfinished uploads',
  ]);
  expect(wrong({ policy: { value: undefined } })).toHaveLength(4);
  expect(wrong({ policy: { unsaid: 'denied' } })).toEqual(['note policy']);
});

test('of another server only the answers that it gives are checked, and not the policy', () => {
  const unsaid = { unsaid: 'unsupported' } as const;
  const change = {
    isAws: false,
    publicBlocked: unsaid,
    encryption: unsaid,
    policy: { value: '{}' },
  };
  expect(checksOf(change).map(({ name }) => name)).toEqual([
    'versioning',
    'Object Lock',
    'unfinished uploads',
    'events',
  ]);
  expect(wrong({ ...change, versioning: { value: undefined } })).toEqual([]);
});
