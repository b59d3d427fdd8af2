import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { CallOptions, ObjectStore } from '../store.ts';
import { request, type S3 } from './client.ts';
import { failureOf } from './errors.ts';
import { connectionOf } from './s3.ts';

/** What the server said to a question: its answer, that there is none, or why it gave none. */
export type Said<T> =
  | { readonly value: T | undefined }
  | { readonly unsaid: 'denied' | 'unsupported' };

/** How a bucket is set up: what the stack's template asks for, as far as the server lets itself be asked. */
export interface BucketSetup {
  readonly bucket: string;
  /** What stands before every key. */
  readonly prefix: string;
  /** AWS, and not a server that speaks its protocol. */
  readonly isAws: boolean;
  readonly versioning: Said<string>;
  /** The mode and the days of the default retention. */
  readonly objectLock: Said<{
    readonly mode: string | undefined;
    readonly days: number | undefined;
  }>;
  /** True when all four ways of making something public are closed. */
  readonly publicBlocked: Said<boolean>;
  readonly encryption: Said<{ readonly algorithm: string; readonly keyId: string | undefined }>;
  /** As it is stored: a JSON text. */
  readonly policy: Said<string>;
  /** Days after which unfinished uploads are removed; undefined when no rule does. */
  readonly abortsUploadsAfterDays: Said<number>;
  readonly notifies: Said<{ readonly eventBridge: boolean; readonly others: number }>;
}

/** Answers that mean "nothing of the kind is set". */
const NONE = new Set([
  'NoSuchBucketPolicy',
  'NoSuchLifecycleConfiguration',
  'NoSuchPublicAccessBlockConfiguration',
  'ObjectLockConfigurationNotFoundError',
  'ServerSideEncryptionConfigurationNotFoundError',
]);

/**
 * Asks for everything that matters of the store's bucket; undefined for a store without one.
 * @throws StowageError `storage/not-found` when there is no such bucket, `storage/unavailable`.
 */
export async function inspectBucket(
  store: ObjectStore,
  options: CallOptions = {},
): Promise<BucketSetup | undefined> {
  const s3 = connectionOf(store);
  if (s3 === undefined) return undefined;
  const ask = asking(s3, options);
  const { bucket, prefix, isAws } = s3;
  const Bucket = bucket;
  return {
    bucket,
    prefix,
    isAws,
    versioning: await ask('versioning', (client, http) =>
      client.send(new GetBucketVersioningCommand({ Bucket }), http).then(({ Status }) => Status),
    ),
    objectLock: await ask('Object Lock', async (client, http) => {
      const { ObjectLockConfiguration: lock } = await client.send(
        new GetObjectLockConfigurationCommand({ Bucket }),
        http,
      );
      const { Mode, Days, Years } = lock?.Rule?.DefaultRetention ?? {};
      const days = Days ?? (Years === undefined ? undefined : Years * 365);
      return lock?.ObjectLockEnabled === 'Enabled' ? { mode: Mode, days } : undefined;
    }),
    publicBlocked: await ask('public access', async (client, http) => {
      const found = await client.send(new GetPublicAccessBlockCommand({ Bucket }), http);
      const block = found.PublicAccessBlockConfiguration ?? {};
      const { BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets } = block;
      return [BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets].every(
        (closed) => closed === true,
      );
    }),
    encryption: await ask('encryption', async (client, http) => {
      const found = await client.send(new GetBucketEncryptionCommand({ Bucket }), http);
      const rule =
        found.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
      const { SSEAlgorithm, KMSMasterKeyID } = rule ?? {};
      return SSEAlgorithm === undefined
        ? undefined
        : { algorithm: SSEAlgorithm, keyId: KMSMasterKeyID };
    }),
    policy: await ask('policy', (client, http) =>
      client.send(new GetBucketPolicyCommand({ Bucket }), http).then(({ Policy }) => Policy),
    ),
    abortsUploadsAfterDays: await ask('lifecycle', (client, http) => abortDays(s3, client, http)),
    notifies: await ask('notifications', async (client, http) => {
      const found = await client.send(
        new GetBucketNotificationConfigurationCommand({ Bucket }),
        http,
      );
      const { TopicConfigurations, QueueConfigurations, LambdaFunctionConfigurations } = found;
      const others = [TopicConfigurations, QueueConfigurations, LambdaFunctionConfigurations];
      return {
        eventBridge: found.EventBridgeConfiguration !== undefined,
        others: others.reduce((sum, list) => sum + (list?.length ?? 0), 0),
      };
    }),
  };
}

type Http = { abortSignal?: AbortSignal };

function asking(s3: S3, { signal }: CallOptions) {
  return async function ask<T>(
    what: string,
    send: (client: S3Client, http: Http) => Promise<T | undefined>,
  ): Promise<Said<T>> {
    try {
      return {
        value: await request(s3, { doing: `looking at the bucket's ${what}`, signal }, send),
      };
    } catch (error) {
      const { name, status } = failureOf(error instanceof Error ? error.cause : undefined);
      if (name === 'NoSuchBucket' || status === undefined) throw error;
      if (NONE.has(name)) return { value: undefined };
      if (status === 403) return { unsaid: 'denied' };
      if (status === 404) return { value: undefined };
      if (status === 400 || status === 405 || status === 501) return { unsaid: 'unsupported' };
      throw error;
    }
  };
}

/** Of the rules that are in force for the root. */
async function abortDays(
  { bucket, prefix }: S3,
  client: S3Client,
  http: Http,
): Promise<number | undefined> {
  const { Rules = [] } = await client.send(
    new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }),
    http,
  );
  const days = Rules.filter(({ Status, Filter, Prefix }) => {
    const { Prefix: filtered, ...others } = Filter ?? {};
    const narrowed = Object.values(others).some((other) => other !== undefined);
    return Status === 'Enabled' && !narrowed && prefix.startsWith(filtered ?? Prefix ?? '');
  }).flatMap(
    ({ AbortIncompleteMultipartUpload }) =>
      AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? [],
  );
  return days.length === 0 ? undefined : Math.min(...days);
}
