import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { eachInFlight } from '../../../async/each-in-flight.ts';
import { cephPolicy } from '../../../infra/ceph/bucket-policy.mjs';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { deploymentOf, NAMES } from '../rights/deployment.ts';
import { policiesOf } from '../rights/policies.ts';
import { securityTemplate } from '../rights/template.ts';
import { type Ceph, startCeph } from './ceph.ts';

export const BUCKET = NAMES.bucket;
/** The user that startCeph creates. */
const OWNER = 'stowage';

/** A real Ceph with a bucket, and a user with the rights of each role of the template. */
export interface StowageRoles {
  readonly ceph: Ceph;
  readonly roles: readonly string[];
  /** An SDK client with the role's credentials. */
  client(role: string): S3Client;
  /** Stowage's store with the role's credentials; `owner` is the owner of the bucket. */
  store(role: string, endpoint?: string): Promise<ObjectStore>;
  /** The environment variables with the role's credentials. */
  env(role: string): Readonly<Record<string, string>>;
  /** An object's key in the bucket. */
  key(relative: string): string;
  stop(): Promise<void>;
}

export async function startStowageRoles(): Promise<StowageRoles> {
  const template = await securityTemplate();
  const policies = policiesOf(template, deploymentOf(template));
  const ceph = await startCeph();
  const roles = [...policies.roles.keys()];
  const users = new Map<string, Awaited<ReturnType<Ceph['createUser']>>>();
  const clients: S3Client[] = [];
  const stores: ObjectStore[] = [];
  await ceph.createBucket(BUCKET);
  await eachInFlight(roles, 4, async (role) => users.set(role, await ceph.createUser(role)));
  const { bucket, prefix } = NAMES;
  const policy = cephPolicy({
    bucket,
    prefix,
    owner: OWNER,
    users: roles.map((role) => ({ role, user: role })),
  });
  await ceph.client.send(
    new PutBucketPolicyCommand({ Bucket: BUCKET, Policy: JSON.stringify(policy) }),
  );
  return {
    ceph,
    roles,
    client(role) {
      const { accessKey, secretKey } = users.get(role) ?? ceph;
      const client = new S3Client({
        endpoint: ceph.endpoint,
        region: ceph.region,
        forcePathStyle: true,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      });
      clients.push(client);
      return client;
    },
    async store(role, endpoint = ceph.endpoint) {
      Object.assign(process.env, users.get(role)?.env ?? ceph.env);
      const store = await openStore({
        root: `s3://${BUCKET}/${NAMES.prefix}`,
        s3: { endpoint, partBytes: 5 * 1024 * 1024, attemptsMax: 2 },
      });
      // The SDK reads the environment at the first request only, also when that request fails.
      await store.head('warm-up').catch(() => undefined);
      stores.push(store);
      return store;
    },
    env: (role) => users.get(role)?.env ?? ceph.env,
    key: (relative) => `${NAMES.prefix}${relative}`,
    async stop() {
      for (const client of clients) client.destroy();
      await Promise.all(stores.map((store) => store.close()));
      await ceph.stop();
    },
  };
}
