import { describe, expect, test } from 'vitest';
import type { BucketSetup } from '../../storage/s3/deployment.ts';
import { deploymentOf, NAMES } from '../../test/support/rights/deployment.ts';
import { policiesOf } from '../../test/support/rights/policies.ts';
import { securityTemplate } from '../../test/support/rights/template.ts';
import { checkBucketSetup } from './bucket.ts';

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
  versioning: { value: 'Enabled' },
  objectLock: { value: { mode: 'COMPLIANCE', days: 30 } },
  publicBlocked: { value: true },
  encryption: { value: { algorithm: 'AES256', keyId: undefined } },
  policy: { value: templatePolicy() },
  abortsUploadsAfterDays: { value: 7 },
  notifies: { value: { eventBridge: true, others: 0 } },
};

const judged = (change: Partial<BucketSetup> = {}) =>
  checkBucketSetup({ ...MADE, ...change }, 'bucket');
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
  expect(wrong({ policy: { value: templatePolicy(sid) } })).toEqual([expected]);
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
    return wrong({ policy: { value: JSON.stringify({ Statement }) } }).includes(
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
      expect(wrong({ policy: { value } })).toHaveLength(4);
    },
  );
});

test('what is open or mute on AWS is BAD, what could be better is a note', () => {
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

test('of another server only that is said which it tells, and nothing of conditions that it may not know', () => {
  const unsaid = { unsaid: 'unsupported' } as const;
  const change = {
    isAws: false,
    publicBlocked: unsaid,
    encryption: unsaid,
    policy: { value: '{}' },
  };
  expect(judged(change).map(({ name }) => name)).toEqual([
    'versioning',
    'Object Lock',
    'unfinished uploads',
    'events',
  ]);
  expect(wrong({ ...change, versioning: { value: undefined } })).toEqual([]);
});
