import type { Policies, Statement } from './policies.ts';

/** A user of Ceph who has a role's rights on a bucket. */
export interface RoleUser {
  readonly role: string;
  readonly user: string;
}

/** Ceph 16 refuses a policy that names these. */
const UNKNOWN = ['s3:GetEncryptionConfiguration', 's3:GetBucketOwnershipControls'];

/**
 * The roles' statements as one bucket policy for Ceph RGW 16, and what must differ there (docs/security.md):
 * - An object belongs to who wrote it: so reading it back, and giving it away, is denied by name, and the owner of the
 *   bucket gets everything by the policy.
 * - The deletion of many at once asks for the right on the bucket, not on the objects: only `Delete` gets it, because
 *   with it everything can be deleted.
 * - With a condition on its listing a role is told 403 of absent objects: who lists lists the whole bucket.
 * - `s3:if-none-match` and the encryption keys are not known, and a denial that asks for them would hold always or never.
 */
export function cephPolicy(bucket: string, owner: string, policies: Policies, users: readonly RoleUser[]) {
  const arn = `arn:aws:s3:::${bucket}`;
  const principal = (user: string) => ({ AWS: [`arn:aws:iam:::user/${user}`] });
  const whole = [arn, `${arn}/*`];
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: principal(owner), Action: ['s3:*'], Resource: whole },
      ...users.flatMap(({ role, user }) => {
        const rights = (policies.roles.get(role) ?? []).filter((statement) => isOn(arn, statement));
        return [
          ...rights.map(({ Effect, Action, Resource }) => ({
            Effect,
            Principal: principal(user),
            Action: Action.filter((action) => !UNKNOWN.includes(action)),
            Resource,
          })),
          {
            Effect: 'Deny',
            Principal: principal(user),
            Action: ['s3:GetObject', 's3:GetObjectVersion'],
            ...allBut(resourcesOf(rights, 's3:GetObject'), `${arn}/*`),
          },
          { Effect: 'Deny', Principal: principal(user), Action: ['s3:PutObjectAcl'], Resource: whole },
          ...(role === 'Delete'
            ? [{ Effect: 'Allow', Principal: principal(user), Action: ['s3:DeleteObject'], Resource: [arn] }]
            : []),
        ];
      }),
    ],
  };
}

const isOn = (arn: string, { Action, Resource }: Statement) =>
  Action.every((action) => action.startsWith('s3:')) &&
  Resource.every((resource) => resource === arn || resource.startsWith(`${arn}/`));

const resourcesOf = (rights: readonly Statement[], action: string) =>
  rights.filter(({ Action }) => Action.includes(action)).flatMap(({ Resource }) => Resource);

const allBut = (allowed: readonly string[], all: string) =>
  allowed.length === 0 ? { Resource: [all] } : { NotResource: allowed };
