import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import type { DefaultRetention } from '../lock.ts';
import type { CallOptions, ObjectStore } from '../store.ts';
import type { S3 } from './connection/client.ts';
import { type HttpOptions, request } from './connection/request.ts';
import { failureOf } from './errors.ts';
import { readLockConfiguration } from './lock/configuration.ts';
import { connectionOf } from './s3.ts';

/** One setting of a bucket: its value, undefined when it is not set, or why it cannot be read. */
export type BucketAnswer<T> = Result<T | undefined, 'denied' | 'unsupported'>;

/** The settings of a bucket that the stack's template makes, as far as the server shows them. */
export interface BucketSetup {
  readonly bucket: string;
  /** Stands before every key. */
  readonly prefix: string;
  /** True for AWS itself, false for other servers that speak its protocol. */
  readonly isAws: boolean;
  readonly versioning: BucketAnswer<string>;
  /** Mode and days of the default retention. */
  readonly objectLock: BucketAnswer<DefaultRetention>;
  /** True when all four settings of the public access block are on. */
  readonly publicBlocked: BucketAnswer<boolean>;
  readonly encryption: BucketAnswer<{
    readonly algorithm: string;
    readonly keyId: string | undefined;
  }>;
  /** JSON text, as stored. */
  readonly policy: BucketAnswer<string>;
  /** Days after which unfinished uploads are removed; undefined when no rule removes them. */
  readonly abortsUploadsAfterDays: BucketAnswer<number>;
  readonly notifies: BucketAnswer<{ readonly eventBridge: boolean; readonly others: number }>;
}

/** Error names that mean: this setting is not set. */
const NOT_SET = new Set([
  'NoSuchBucketPolicy',
  'NoSuchLifecycleConfiguration',
  'NoSuchPublicAccessBlockConfiguration',
  'ObjectLockConfigurationNotFoundError',
  'ServerSideEncryptionConfigurationNotFoundError',
]);

/**
 * Reads all settings of the store's bucket that matter; undefined for a store without a bucket.
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
    objectLock: await ask('Object Lock', (client, http) =>
      readLockConfiguration(bucket, client, http),
    ),
    publicBlocked: await ask('public access block', async (client, http) => {
      const found = await client.send(new GetPublicAccessBlockCommand({ Bucket }), http);
      const block = found.PublicAccessBlockConfiguration ?? {};
      const { BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets } = block;
      return [BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets].every(
        (isOn) => isOn === true,
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
    abortsUploadsAfterDays: await ask('lifecycle rules', (client, http) =>
      abortDays(s3, client, http),
    ),
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

function asking(s3: S3, { signal }: CallOptions) {
  return async function ask<T>(
    setting: string,
    send: (client: S3Client, http: HttpOptions) => Promise<T | undefined>,
  ): Promise<BucketAnswer<T>> {
    const call = { doing: `reading the ${setting} of the bucket`, signal };
    try {
      return success(await request(s3, call, send));
    } catch (error) {
      const { name, status } = failureOf(error instanceof Error ? error.cause : undefined);
      if (name === 'NoSuchBucket' || status === undefined) throw error;
      if (NOT_SET.has(name)) return success(undefined);
      if (status === 403) return failure('denied');
      if (status === 404) return success(undefined);
      if (status === 400 || status === 405 || status === 501) return failure('unsupported');
      throw error;
    }
  };
}

/** The smallest number of days in the enabled rules that apply to every object below the root. */
async function abortDays(
  { bucket, prefix }: S3,
  client: S3Client,
  http: HttpOptions,
): Promise<number | undefined> {
  const { Rules = [] } = await client.send(
    new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }),
    http,
  );
  const days = Rules.filter(({ Status, Filter, Prefix }) => {
    const { Prefix: filtered, ...others } = Filter ?? {};
    const isNarrowed = Object.values(others).some((other) => other !== undefined);
    return Status === 'Enabled' && !isNarrowed && prefix.startsWith(filtered ?? Prefix ?? '');
  }).flatMap(
    ({ AbortIncompleteMultipartUpload }) =>
      AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? [],
  );
  return days.length === 0 ? undefined : Math.min(...days);
}
