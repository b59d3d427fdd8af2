/** A Ceph user that gets the rights of a role. */
export interface RoleUser {
  readonly role: string;
  readonly user: string;
  /** The user creates only objects of these contents; absent = of all. */
  readonly contents?: readonly number[];
}

interface CephStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal: { readonly AWS: readonly string[] };
  readonly Action: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
}

/** The bucket policy that gives these users the rights of docs/security.md. */
export function cephPolicy(options: {
  readonly bucket: string;
  /** The prefix of the root in the bucket: empty, or ending in a slash. */
  readonly prefix: string;
  /** The user that created the bucket. */
  readonly owner: string;
  readonly users: readonly RoleUser[];
}): { readonly Version: string; readonly Statement: readonly CephStatement[] };
