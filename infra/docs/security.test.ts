import { describe, expect, test } from 'vitest';
import { deploymentOf, NAMES, roleArn } from '../../test/support/rights/deployment.ts';
import { keyClasses, listingOf } from '../../test/support/rights/key-classes.ts';
import { type AccessRequest, isAllowed, policiesOf } from '../../test/support/rights/policies.ts';
import { type RightsRow, readSecurityPage } from '../../test/support/rights/rights-table.ts';
import { securityTemplate } from '../../test/support/rights/template.ts';

const TIMESTAMP = '20260131010203';
const IDS = {
  timestamp: TIMESTAMP,
  restore: `${TIMESTAMP}004-0123abcd`,
  task: `${TIMESTAMP}005-${TIMESTAMP}`,
  number: 0,
};
const CLASSES = keyClasses(IDS);
const BUCKET = `arn:aws:s3:::${NAMES.bucket}`;

const template = await securityTemplate();
const { classes, rows } = await readSecurityPage();

const policies = policiesOf(template, deploymentOf(template));

/** True when the role's policies and the bucket policy allow the request. */
function may(
  who: string,
  asked: Partial<AccessRequest> & Pick<AccessRequest, 'action' | 'resource'>,
  at = policies,
): boolean {
  const context = {
    'aws:SecureTransport': 'true',
    'aws:PrincipalArn': roleArn(`${who}Role`),
    ...asked.context,
  };
  return isAllowed([...(at.roles.get(who) ?? []), ...at.bucket], { ...asked, context });
}

const objectArn = (key: string, bucket = BUCKET) => `${bucket}/shop/${key}`;
const creating = { 's3:if-none-match': '*', 's3:ObjectCreationOperation': 'true' };

type Verb = Exclude<keyof RightsRow, 'role' | 'publishes'>;
const VERBS: Record<Verb, (who: string, keys: readonly string[], bucket?: string) => boolean[]> = {
  reads: on('s3:GetObject'),
  creates: on('s3:PutObject', creating),
  overwrites: on('s3:PutObject', { 's3:ObjectCreationOperation': 'true' }),
  deletes: on('s3:DeleteObject'),
  endsUploads: on('s3:AbortMultipartUpload'),
  extends: on('s3:PutObjectRetention', { 's3:object-lock-remaining-retention-days': '30' }),
  holds: on('s3:PutObjectLegalHold', { 's3:object-lock-legal-hold': 'ON' }),
  releases: on('s3:PutObjectLegalHold', { 's3:object-lock-legal-hold': 'OFF' }),
  lists: (who, keys, bucket = BUCKET) =>
    listingOf(keys).map((prefix) => mayList(who, prefix, bucket)),
};

function on(action: string, context: AccessRequest['context'] = {}) {
  return (who: string, keys: readonly string[], bucket = BUCKET) =>
    keys.map((key) => may(who, { action, resource: objectArn(key, bucket), context }));
}

const mayList = (who: string, prefix: string, bucket = BUCKET) =>
  may(who, {
    action: 's3:ListBucket',
    resource: bucket,
    context: { 's3:prefix': `shop/${prefix}` },
  });

/** The classes on which a role may do something. A class must be allowed or denied as a whole. */
function allowedClasses(who: string, verb: Verb, bucket = BUCKET): Set<string> {
  const allowed = new Set<string>();
  for (const [name, keys] of CLASSES) {
    const answers = new Set(VERBS[verb](who, keys, bucket));
    expect(answers, `${who} ${verb} ${name}: not the same for every key`).toHaveLength(1);
    if (answers.has(true)) allowed.add(name);
  }
  return allowed;
}

test('docs/security.md has every class of keys, and a row for every role', () => {
  expect(classes.toSorted()).toEqual([...CLASSES.keys()].toSorted());
  expect(rows.map(({ role: who }) => who).toSorted()).toEqual(
    [...policies.roles.keys()].toSorted(),
  );
});

describe.each(rows)('the role $role', (row) => {
  test.each(Object.keys(VERBS) as Verb[])('%s exactly what docs/security.md lists', (verb) => {
    expect([...allowedClasses(row.role, verb)].toSorted()).toEqual([...row[verb]].toSorted());
  });

  test('publishes as docs/security.md says', () => {
    expect(may(row.role, { action: 'sns:Publish', resource: NAMES.topic })).toBe(row.publishes);
  });
});

test('a function may list every key that it reads, so it can tell an absent object from a denied one', () => {
  for (const { role: who, reads, publishes, creates } of rows) {
    const isFunction =
      publishes ||
      [...creates].some((name) =>
        /^(manifest|outcome|verdicts-|verify-receipts|replicate-receipts)/.test(name),
      );
    if (!isFunction) continue;
    for (const name of reads)
      for (const key of CLASSES.get(name) ?? [])
        expect(mayList(who, key), `${who}: ${key}`).toBe(true);
  }
});

test('only the shippers have no right to list', () => {
  expect(rows.filter(({ lists }) => lists.size === 0).map(({ role: who }) => who)).toEqual([
    'Shipper',
    'RestoreShipper',
  ]);
});

describe('the bucket policy, against a role that allows everything', () => {
  const admin = (
    asked: Partial<AccessRequest> & Pick<AccessRequest, 'action' | 'resource'>,
    at = policies,
  ) => {
    const context = {
      'aws:SecureTransport': 'true',
      'aws:PrincipalArn': roleArn('Admin'),
      ...asked.context,
    };
    const everything = { Effect: 'Allow' as const, Action: ['*'], Resource: ['*'] };
    return isAllowed([everything, ...at.bucket], { ...asked, context });
  };
  const put = (context: AccessRequest['context'], at = policies) =>
    admin({ action: 's3:PutObject', resource: objectArn('sets/x'), context }, at);

  test('denies writes without TLS', () => {
    expect(put(creating)).toBe(true);
    expect(put({ ...creating, 'aws:SecureTransport': 'false' })).toBe(false);
  });

  test('denies overwriting, also with If-Match, and allows parts of uploads', () => {
    expect(put({ 's3:ObjectCreationOperation': 'true' })).toBe(false);
    expect(put({ 's3:ObjectCreationOperation': 'true', 's3:if-match': 'etag' })).toBe(false);
    expect(put({ 's3:ObjectCreationOperation': 'false' })).toBe(true);
  });

  test.each([
    [
      'a key that only the writer has',
      { 's3:x-amz-server-side-encryption-customer-algorithm': 'AES256' },
    ],
    ['other encryption', { 's3:x-amz-server-side-encryption': 'aws:kms' }],
    ['a KMS key', { 's3:x-amz-server-side-encryption-aws-kms-key-id': NAMES.key }],
  ])('denies writes with %s', (_, header) => {
    expect(put({ ...creating, ...header })).toBe(false);
  });

  test('denies writes with another KMS key than the bucket’s', () => {
    const withKms = policiesOf(template, deploymentOf(template, { kms: true }));
    const header = (id: string) => ({
      's3:x-amz-server-side-encryption': 'aws:kms',
      's3:x-amz-server-side-encryption-aws-kms-key-id': id,
    });
    expect(put({ ...creating, ...header(NAMES.key) }, withKms)).toBe(true);
    expect(put({ ...creating, ...header(`${NAMES.key}9`) }, withKms)).toBe(false);
    expect(put({ ...creating, 's3:x-amz-server-side-encryption': 'AES256' }, withKms)).toBe(false);
  });

  test('denies deletion by every role but Delete and Expire', () => {
    const action = 's3:DeleteObject';
    for (const key of ['sets/x', 'restores/x', 'tasks/x']) {
      const resource = objectArn(key);
      expect(admin({ action, resource })).toBe(false);
      for (const role of ['DeleteRole', 'ExpireRole']) {
        const context = { 'aws:PrincipalArn': roleArn(role) };
        expect(admin({ action, resource, context })).toBe(true);
      }
    }
  });

  test('denies the removal of versions and the end of a lock before its time to every role', () => {
    for (const action of ['s3:DeleteObjectVersion', 's3:BypassGovernanceRetention'])
      for (const role of ['DeleteRole', 'ExpireRole', 'OperatorRole', 'Admin']) {
        const context = { 'aws:PrincipalArn': roleArn(role) };
        expect(admin({ action, resource: objectArn('sets/x'), context })).toBe(false);
      }
  });
});

test('no role has rights in another root, or on a key that only resembles a key of Stowage', () => {
  const foreign = [...CLASSES.values()]
    .flat()
    .flatMap((key) => [
      `${BUCKET}/${key}`,
      `${BUCKET}/other/${key}`,
      `${BUCKET}/shop/x/${key}`,
      `arn:aws:s3:::other/shop/${key}`,
      `${BUCKET}/shop/${key.replace('/', '//')}`,
    ]);
  for (const who of policies.roles.keys()) {
    for (const resource of foreign) {
      expect(
        may(who, { action: 's3:PutObject', resource, context: creating }),
        `${who}: ${resource}`,
      ).toBe(false);
      expect(may(who, { action: 's3:GetObject', resource }), `${who}: ${resource}`).toBe(false);
    }
    expect(may(who, { action: 's3:ListBucket', resource: BUCKET }), who).toBe(false);
    expect(
      may(who, { action: 's3:ListBucket', resource: BUCKET, context: { 's3:prefix': '' } }),
      who,
    ).toBe(false);
  }
});

test('in the other bucket only Replicate and Sweep have rights, as docs/security.md says', () => {
  const there = `arn:aws:s3:::${NAMES.replica}`;
  const ofSets = [...CLASSES].filter(([, keys]) => keys.every((key) => key.startsWith('sets/')));
  const sets = new Set(ofSets.map(([name]) => name));
  const copied = [
    'plan',
    'base',
    'packs',
    'receipts',
    'seal',
    'manifest',
    'verdicts-stitch',
    'verdicts-validate',
    'locks',
    'keys',
    'host-keys',
  ];
  for (const { role: who } of rows) {
    const copies = who === 'Replicate' || who === 'Sweep';
    const none = new Set();
    expect(allowedClasses(who, 'creates', there), who).toEqual(copies ? new Set(copied) : none);
    expect(allowedClasses(who, 'reads', there), who).toEqual(copies ? sets : none);
    expect(allowedClasses(who, 'lists', there), who).toEqual(copies ? sets : none);
    expect(allowedClasses(who, 'deletes', there), who).toEqual(none);
  }
});

test('outside the bucket a function has rights on its own queue and its own log only', () => {
  for (const [who, statements] of policies.roles) {
    const elsewhere = statements.filter(
      ({ Action }) => !Action.every((action) => action.startsWith('s3:')),
    );
    for (const { Action, Resource } of elsewhere) {
      const service = Action[0]?.split(':')[0];
      if (service === 'sns') expect([who, Resource]).toEqual(['Announce', [NAMES.topic]]);
      else
        expect(Resource.every((arn) => /[:/]([A-Za-z]+)(:\*)?$/.exec(arn)?.[1] === who)).toBe(true);
    }
  }
});

test('with a KMS key of the user, every role may decrypt through S3, and only roles that create may make data keys', () => {
  const withKms = policiesOf(template, deploymentOf(template, { kms: true }));
  for (const { role: who, creates } of rows) {
    const use = (action: string, via: string) =>
      may(who, { action, resource: NAMES.key, context: { 'kms:ViaService': via } }, withKms);
    expect(use('kms:Decrypt', 's3.eu-central-1.amazonaws.com'), who).toBe(true);
    expect(use('kms:Decrypt', 'ec2.eu-central-1.amazonaws.com'), who).toBe(false);
    expect(use('kms:GenerateDataKey', 's3.eu-central-1.amazonaws.com'), who).toBe(creates.size > 0);
  }
});

test('the policy of every role fits into the 10,240 characters of an inline policy, also with a long root', () => {
  const { roles } = policiesOf(
    template,
    deploymentOf(template, { prefix: `${'p'.repeat(59)}/`, kms: true }),
  );
  for (const [who, statements] of roles)
    expect(JSON.stringify(statements).length, who).toBeLessThan(10_240);
});
