import { describe, expect, test } from 'vitest';
import { failure, success } from '../../backup-set/base/result.ts';
import type { BucketSetup } from '../../storage/s3/inspect-bucket.ts';
import { deploymentOf, NAMES } from '../../test/support/rights/deployment.ts';
import { policiesOf } from '../../test/support/rights/policies.ts';
import { securityTemplate } from '../../test/support/rights/template.ts';
import { judgeBucket } from './bucket.ts';

const template = await securityTemplate();
const deployment = deploymentOf(template);

/** The policy that the stack makes; a denial for everybody. */
function templatePolicy(without?: string): string {
  const statements = policiesOf(template, deployment).bucket.filter(({ Sid }) => Sid !== without);
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** As infra/aws/resources/bucket.yml makes it. */
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

const judged = (change: Partial<BucketSetup> = {}) => judgeBucket({ ...MADE, ...change }, 'bucket');
const wrong = (change: Partial<BucketSetup>) =>
  judged(change)
    .filter(({ ok, remark }) => !ok || remark === true)
    .map(({ name, ok }) => `${ok ? 'note' : 'BAD'} ${name}`);

test('a bucket as the template makes it needs no word', () => {
  expect(wrong({})).toEqual([]);
  expect(judged()).toHaveLength(10);
});

test.each([
  ['TlsOnly', 'note policy: requests without TLS'],
  ['CreateOnly', 'note policy: overwriting'],
  ['NoKeysOfWriters', 'note policy: keys of writers'],
  ['DeletedByItsRoleOnly', 'note policy: deletion'],
])('the policy without its statement %s: %s', (sid, expected) => {
  expect(wrong({ policy: success(templatePolicy(sid)) })).toEqual([expected]);
});

describe('a policy that only looks right', () => {
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
    ['is right', false, {}],
    ['names everybody in the long way', false, { Principal: { AWS: ['*'] } }],
    ['allows', true, { Effect: 'Allow' }],
    ['is about somebody', true, { Principal: { AWS: 'arn:aws:iam::123456789012:root' } }],
    ['is about another root', true, { Resource: 'arn:aws:s3:::offsite/other/*' }],
    ['is about another bucket', true, { Resource: 'arn:aws:s3:::offsite2/*' }],
    ['is about another action', true, { Action: 's3:GetObject' }],
    ['asks for the contrary', true, { Condition: { Null: { 's3:if-none-match': 'false' } } }],
    [
      'asks for more',
      true,
      {
        Condition: {
          Null: { 's3:if-none-match': 'true' },
          IpAddress: { 'aws:SourceIp': '10.0.0.0/8' },
        },
      },
    ],
    ['asks for nothing, which refuses every write', true, { Condition: {} }],
  ])('%s', (_, isMissing, statement) => {
    expect(overwriting(statement)).toBe(isMissing);
  });

  test.each(['', 'null', '[]', '{"Statement":7}', '{"Statement":[null]}'])(
    'is none: %s',
    (value) => {
      expect(wrong({ policy: success(value) })).toHaveLength(4);
    },
  );
});

test('what is open or mute on AWS is BAD, what could be better is a note', () => {
  expect(wrong({ publicBlocked: success(undefined) })).toEqual(['BAD public access']);
  expect(wrong({ notifies: success({ eventBridge: false, others: 0 }) })).toEqual(['BAD events']);
  expect(wrong({ versioning: success('Suspended') })).toEqual(['note versioning']);
  expect(wrong({ objectLock: success(undefined) })).toEqual(['note Object Lock']);
  expect(wrong({ abortsUploadsAfterDays: success(undefined) })).toEqual([
    'note unfinished uploads',
  ]);
  expect(wrong({ policy: success(undefined) })).toHaveLength(4);
  expect(wrong({ policy: failure('denied') })).toEqual(['note policy']);
});

test('of another server only that is said which it tells, and nothing of conditions that it may not know', () => {
  const unsaid = failure('unsupported' as const);
  const change = {
    isAws: false,
    publicBlocked: unsaid,
    encryption: unsaid,
    policy: success('{}'),
  };
  expect(judged(change).map(({ name }) => name)).toEqual([
    'versioning',
    'Object Lock',
    'unfinished uploads',
    'events',
  ]);
  expect(wrong({ ...change, versioning: success(undefined) })).toEqual([]);
});
