/**
 * Prints the bucket policy that gives users of Ceph RGW the rights of docs/security.md:
 *
 *   node infra/ceph/bucket-policy.mjs --bucket offsite --prefix shop/ --owner stowage \
 *     --user Shipper=shipper --user Sweep=serve --user Operator=operator > policy.json
 *
 * `--owner` is the user that created the bucket; `--user Role=uid` can be repeated. With
 * `--user Shipper:0,1=uid` the user creates only objects of the contents 0 and 1.
 */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { contentsFrom, hostRole } from '../aws/hosts/host-policy.mjs';
import { keysOf, RIGHTS } from '../aws/rights.mjs';

/**
 * The rights of rights.mjs, with the differences from AWS:
 * - An object belongs to the user that wrote it. So the policy denies that user reading it and
 *   changing its ACL, and allows the owner of the bucket everything.
 * - With a condition on listing, Ceph answers 403 for missing objects. So a role that lists
 *   anything can list the whole bucket.
 * - A deletion of many objects needs the right on the bucket, not on the objects, and that right
 *   allows deleting everything. So only `Delete` and `Expire` have it.
 * - Ceph does not support conditions on If-None-Match, encryption and locks: a denial with one
 *   would always or never apply. So a role that sets a legal hold can also lift it.
 */
export function cephPolicy({ bucket, prefix, owner, users }) {
  const whole = arnOf(bucket);
  const everything = [whole, arnOf(bucket, '*')];
  return {
    Version: '2012-10-17',
    Statement: [
      { ...statement('Allow', owner, ['s3:*']), Resource: everything },
      ...users.flatMap((own) => statementsOf(own, { bucket, prefix })),
    ],
  };
}

function statementsOf({ role, user, contents }, { bucket, prefix }) {
  const { reads, creates, never, deletes, endsUploads, lists, listsUploads, inspects } =
    RIGHTS[role];
  const { extends: extended, holds, releases, looks } = RIGHTS[role];
  const locking = holds ?? releases;
  const looking = locking ?? looks;
  const keys = (names, limit) => keysOf(names, limit).map((key) => arnOf(bucket, prefix + key));
  const allow = (right, action, resources) =>
    right && { ...statement('Allow', user, [action].flat()), Resource: resources() };
  const whole = () => [arnOf(bucket)];
  const mayNotRead =
    reads === undefined ? { Resource: [arnOf(bucket, '*')] } : { NotResource: keys(reads) };
  return [
    allow(reads, 's3:GetObject', () => keys(reads)),
    allow(creates, 's3:PutObject', () => keys(creates, contents)),
    allow(deletes, 's3:DeleteObject', () => keys(deletes)),
    allow(MANY.includes(role), 's3:DeleteObject', whole),
    allow(endsUploads, 's3:AbortMultipartUpload', () => keys(endsUploads, contents)),
    allow(extended, ['s3:GetObjectRetention', 's3:PutObjectRetention'], () => keys(extended)),
    allow(looking, ['s3:GetObjectLegalHold', 's3:GetObjectRetention'], () => keys(looking)),
    allow(locking, 's3:PutObjectLegalHold', () => keys(locking)),
    allow(extended ?? releases ?? looks, 's3:GetBucketObjectLockConfiguration', whole),
    allow(lists, 's3:ListBucket', whole),
    allow(listsUploads, 's3:ListBucketMultipartUploads', whole),
    allow(listsUploads, 's3:ListMultipartUploadParts', () => keys(endsUploads)),
    allow(inspects, INSPECT, whole),
    { ...statement('Deny', user, ['s3:GetObject', 's3:GetObjectVersion']), ...mayNotRead },
    never && {
      ...statement('Deny', user, ['s3:GetObject', 's3:PutObject']),
      Resource: keys(never),
    },
    { ...statement('Deny', user, ['s3:PutObjectAcl']), Resource: [arnOf(bucket, '*')] },
  ].filter(Boolean);
}

/** The roles that delete many objects in one request. */
const MANY = ['Delete', 'Expire'];

/** Ceph 16 rejects a policy with an unknown action, such as s3:GetEncryptionConfiguration. */
const INSPECT = [
  ...[
    's3:GetBucketVersioning',
    's3:GetBucketObjectLockConfiguration',
    's3:GetBucketPublicAccessBlock',
  ],
  ...['s3:GetBucketPolicy', 's3:GetLifecycleConfiguration', 's3:GetBucketNotification'],
];

const arnOf = (bucket, key) => `arn:aws:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;

const statement = (effect, user, actions) => ({
  Effect: effect,
  Principal: { AWS: [`arn:aws:iam:::user/${user}`] },
  Action: actions,
});

function fromArguments(args) {
  const options = { bucket: 'string', prefix: 'string', owner: 'string', user: 'string' };
  const { values } = parseArgs({
    args,
    options: Object.fromEntries(
      Object.entries(options).map(([name, type]) => [name, { type, multiple: name === 'user' }]),
    ),
  });
  const { bucket, prefix = '', owner, user = [] } = values;
  if (bucket === undefined || owner === undefined || user.length === 0)
    throw new Error('--bucket, --owner and at least one --user Role=uid are required');
  if (prefix !== '' && !prefix.endsWith('/'))
    throw new Error(`--prefix ${prefix}: it must end in a slash`);
  const users = user.map((pair) => {
    const [named = '', uid = ''] = pair.split('=');
    const [role, list] = named.split(':');
    if (!Object.hasOwn(RIGHTS, role) || uid === '')
      throw new Error(
        `--user ${pair}: write Role=uid, with one of the roles ${Object.keys(RIGHTS).join(', ')}`,
      );
    if (list === undefined) return { role, user: uid };
    return { role: hostRole(role), user: uid, contents: contentsFrom(list) };
  });
  return { bucket, prefix, owner, users };
}

const [, program] = process.argv;
if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(
      `${JSON.stringify(cephPolicy(fromArguments(process.argv.slice(2))), null, 2)}\n`,
    );
  } catch (error) {
    process.stderr.write(`bucket-policy: ${error.message}\n`);
    process.exitCode = 2;
  }
}
