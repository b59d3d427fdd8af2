import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import type { StoreFacts } from '../../../infra/docs/stores.ts';
import { openStore } from '../../../storage/open.ts';
import type { StoreSettings } from '../../../storage/settings.ts';
import type { ObjectStore } from '../../../storage/store.ts';

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A running S3 server of the matrix. */
export interface StoreServer {
  readonly endpoint: string;
  /** The keys of its administrator. */
  readonly keys: Keys;
  /** Keys of a user with the rights of a shipper: only to create objects of this bucket. */
  writeOnlyKeys(bucket: string): Promise<Keys>;
  /** Makes the server send events of this bucket to its webhook, if that needs a request. */
  subscribe?(bucket: string): Promise<void>;
  stop(): Promise<void>;
}

/** What is known of a server before it runs, and where it differs from AWS. */
export interface StoreDefinition {
  /** Also the name of its file in docs/object-stores/. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Starts it. Events go to `webhook`, where the server supports it. */
  start(options: { readonly webhook: string }): Promise<StoreServer>;
  /** A conditional PUT lets exactly one of many writers succeed. */
  readonly createsAtomically: boolean;
  /** Users with policies: a shipper can have the right to create objects, and no other. */
  readonly hasWriteOnlyUsers: boolean;
  readonly listsUploadsByKeyOnly?: boolean;
  readonly abortedUploadMayReturn?: boolean;
  readonly listsEmptiedFolders?: boolean;
  /** Rejects requests that are signed with wrong keys. */
  readonly checksKeys: boolean;
  readonly events: StoreFacts['events'];
  /** As in test/contract/subjects.ts. */
  readonly objectMayBeFolder: boolean | 'not listed';
  readonly segmentBytesMax: number;
}

/** The same on every server, so that one process can use several. */
export const ADMIN: Keys = {
  accessKeyId: 'stowage-admin',
  secretAccessKey: 'stowage-admin-secret-key',
};
export const REGION = 'us-east-1';

/** An SDK client, for operations that ObjectStore does not have. */
export function clientOf(endpoint: string, credentials: Keys): S3Client {
  return new S3Client({
    endpoint,
    region: REGION,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    credentials,
    maxAttempts: 1,
  });
}

/** True when the server answers a signed request: some listen before they are ready. */
export async function answers(endpoint: string, keys: Keys): Promise<boolean> {
  const client = clientOf(endpoint, keys);
  await client.send(new ListBucketsCommand({})).finally(() => client.destroy());
  return true;
}

export async function createBucket(
  client: S3Client,
  Bucket: string,
  more: { readonly ObjectLockEnabledForBucket?: boolean } = {},
): Promise<void> {
  await client.send(new CreateBucketCommand({ Bucket, ...more }));
}

/** What a process needs to use these keys by the SDK's default chain. */
export function envOf(keys: Keys): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_REGION: REGION,
    ...(keys.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
  };
}

/** Opens a store with these keys. */
export async function openAs(
  keys: Keys,
  root: string,
  s3: NonNullable<StoreSettings['s3']>,
): Promise<ObjectStore> {
  delete process.env['AWS_SESSION_TOKEN'];
  Object.assign(process.env, envOf(keys));
  const store = await openStore({ root, s3 });
  // The SDK reads the environment at the first request only, also when that request fails.
  await store.head('warm-up').catch(() => undefined);
  return store;
}
