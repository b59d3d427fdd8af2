import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { openStore } from '../../storage/open.ts';
import type { Place } from '../support/e2e/place.ts';
import { type Emulator, startEmulator } from '../support/emulator/emulator.ts';
import {
  clientOptions,
  deployStack,
  type Packaged,
  packageStack,
  type Stack,
} from '../support/emulator/stack.ts';

/** A deployed stack, and the settings with which the command line uses its bucket. */
export interface StackPlace extends Place {
  readonly emulator: Emulator;
  readonly packaged: Packaged;
  readonly stack: Stack;
}

interface Options {
  /**
   * Where the bucket comes from: the stack creates it, with a policy; or it exists, without one.
   */
  readonly bucketOf?: 'stack' | 'user';
  readonly enforcesPolicies?: boolean;
  /** Whether there is a second bucket, to which validated sets are copied. */
  readonly hasReplica?: boolean;
  /** Of the template, beside those that the other options give. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Starts the emulator and deploys what `npm run package` made. The root has a prefix, as when
 * several clusters share a bucket.
 */
export async function stackPlace({
  bucketOf = 'stack',
  hasReplica,
  enforcesPolicies = false,
  parameters = {},
}: Options = {}): Promise<StackPlace> {
  const [emulator, packaged] = await Promise.all([
    startEmulator({ enforcesPolicies }),
    packageStack(),
  ]);
  Object.assign(process.env, emulator.env);
  const folder = await mkdtemp(join(tmpdir(), 'stowage-stack-'));
  const stop = async () => {
    await emulator.stop();
    await packaged.remove();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const id = randomUUID().slice(0, 8);
    const bucket = `stowage-test-${id}`;
    if (bucketOf === 'user') await createBucket(emulator, bucket);
    if (hasReplica) await createBucket(emulator, `${bucket}-copy`);
    const stack = await deployStack(emulator, packaged, {
      name: `stowage-${id}`,
      parameters: {
        BucketName: bucket,
        RootPrefix: 'clusters/shop/',
        CreateBucket: bucketOf === 'stack' ? 'yes' : 'no',
        ...(hasReplica ? { ReplicaBucketName: `${bucket}-copy` } : {}),
        ...parameters,
      },
    });
    await lockBucket(emulator, bucket, parameters);
    const storage = { endpoint: emulator.endpoint, region: emulator.region };
    return {
      folder,
      storage,
      env: emulator.env,
      emulator,
      packaged,
      stack,
      newRoot: () => stack.root,
      open: (root) => openStore({ root, s3: storage }),
      stop,
    };
  } catch (error) {
    const said = await emulator.log();
    await stop();
    throw new Error(`the stack was not deployed:\n${said.slice(-4000)}`, { cause: error });
  }
}

/** What the template says of Object Lock: the emulator's CloudFormation ignores it. */
async function lockBucket(
  emulator: Emulator,
  Bucket: string,
  { ObjectLockMode, ObjectLockDays = '1' }: Readonly<Record<string, string>>,
): Promise<void> {
  if (ObjectLockMode !== 'GOVERNANCE' && ObjectLockMode !== 'COMPLIANCE') return;
  const client = new S3Client({ ...clientOptions(emulator), forcePathStyle: true });
  const DefaultRetention = { Mode: ObjectLockMode, Days: Number(ObjectLockDays) } as const;
  const ObjectLockConfiguration = {
    ObjectLockEnabled: 'Enabled',
    Rule: { DefaultRetention },
  } as const;
  await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
}

/** A bucket that sends its events to EventBridge, as docs/deploy-aws.md requires. */
async function createBucket(emulator: Emulator, Bucket: string): Promise<void> {
  const client = new S3Client({ ...clientOptions(emulator), forcePathStyle: true });
  const LocationConstraint = emulator.region as BucketLocationConstraint;
  await client.send(
    new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint } }),
  );
  await client.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
}
