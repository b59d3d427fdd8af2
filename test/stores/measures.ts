import { randomUUID } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ConditionalCreate, StoreFacts } from '../../infra/docs/stores.ts';
import { failureOf } from '../../storage/s3/errors.ts';
import { text } from '../contract/bytes.ts';
import { createBucket } from '../support/stores/store-server.ts';

type LockFacts = Pick<
  StoreFacts,
  'ownRetention' | 'shortened' | 'legalHold' | 'retentionOfDeleted'
>;

const WRITERS = 20;
const ROUNDS = 5;

/** The HTTP status of a request that fails, 200 of one that succeeds. */
async function statusOf(request: Promise<unknown>): Promise<number> {
  return request.then(
    () => 200,
    (error: unknown) => {
      const { status } = failureOf(error);
      if (status === undefined) throw error;
      return status;
    },
  );
}

/** Races writers for one key, several times. */
export async function creates(client: S3Client, Bucket: string): Promise<ConditionalCreate> {
  let most = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const Key = `raced/${randomUUID()}`;
    const create = (index: number) =>
      statusOf(
        client.send(
          new PutObjectCommand({ Bucket, Key, Body: text(`${index}`), IfNoneMatch: '*' }),
        ),
      );
    const statuses = await Promise.all(
      Array.from({ length: WRITERS }, (_, index) => create(index)),
    );
    if ((await create(WRITERS)) === 200) return 'condition ignored';
    most = Math.max(most, statuses.filter((status) => status === 200).length);
  }
  return most === 1 ? 'one winner' : 'several winners';
}

export async function completion(
  client: S3Client,
  Bucket: string,
): Promise<StoreFacts['conditionalCompletion']> {
  const Key = `completed/${randomUUID()}`;
  await client.send(new PutObjectCommand({ Bucket, Key, Body: text('mine') }));
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const part = { Bucket, Key, UploadId, PartNumber: 1 };
  const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: text('theirs') }));
  const complete = { Bucket, Key, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
  const status = await statusOf(
    client.send(new CompleteMultipartUploadCommand({ ...complete, IfNoneMatch: '*' })),
  );
  if (status === 200) return 'condition ignored';
  return status === 412 ? 'refused' : 'not supported';
}

export async function wrongDigest(
  client: S3Client,
  Bucket: string,
  digest: Partial<PutObjectCommandInput>,
): Promise<'refused' | 'accepted'> {
  const input = { Bucket, Key: `digests/${randomUUID()}`, Body: text('x'), ...digest };
  return (await statusOf(client.send(new PutObjectCommand(input)))) === 200
    ? 'accepted'
    : 'refused';
}

/** Writes into a new bucket with a default retention, and tries to delete the version. */
export async function lock(
  client: S3Client,
  Bucket: string,
): Promise<Pick<StoreFacts, 'objectLock' | 'lockedWithoutDigest' | keyof LockFacts>> {
  const retention = {
    ObjectLockEnabled: 'Enabled' as const,
    Rule: { DefaultRetention: { Mode: 'COMPLIANCE' as const, Days: 1 } },
  };
  const made = await statusOf(
    createBucket(client, Bucket, { ObjectLockEnabledForBucket: true }).then(() =>
      client.send(
        new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration: retention }),
      ),
    ),
  );
  const none = 'not supported';
  const noLocks: LockFacts = {
    ownRetention: none,
    shortened: none,
    legalHold: none,
    retentionOfDeleted: none,
  };
  if (made !== 200) return { objectLock: none, lockedWithoutDigest: none, ...noLocks };
  const Key = 'kept';
  const Body = text('kept');
  const { VersionId } = await client.send(
    new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: 'CRC32' }),
  );
  const deleted = await statusOf(client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })));
  const plain = await statusOf(client.send(new PutObjectCommand({ Bucket, Key: 'plain', Body })));
  return {
    ...(await ofObjects(client, { Bucket, Key })),
    objectLock: VersionId !== undefined && deleted >= 400 ? 'refuses deletion' : 'does not protect',
    lockedWithoutDigest: plain === 200 ? 'accepted' : 'refused',
  };
}

/** Retention and legal hold of single objects in a bucket with a default retention of one day. */
async function ofObjects(
  client: S3Client,
  kept: { readonly Bucket: string; readonly Key: string },
): Promise<LockFacts> {
  const { Bucket } = kept;
  const retain = (Key: string, days: number) => {
    const RetainUntilDate = new Date(Date.now() + days * 24 * 3_600_000);
    const Retention = { Mode: 'COMPLIANCE' as const, RetainUntilDate };
    return statusOf(client.send(new PutObjectRetentionCommand({ Bucket, Key, Retention })));
  };
  const own = await statusOf(client.send(new GetObjectRetentionCommand(kept)));
  await retain(kept.Key, 3);
  const shortened = await retain(kept.Key, 2);
  const held = { Bucket: 'held', Key: 'held' };
  await createBucket(client, held.Bucket, { ObjectLockEnabledForBucket: true });
  const { VersionId } = await client.send(new PutObjectCommand({ ...held, Body: text('held') }));
  const LegalHold = { Status: 'ON' as const };
  const holds = await statusOf(client.send(new PutObjectLegalHoldCommand({ ...held, LegalHold })));
  const deleted = await statusOf(client.send(new DeleteObjectCommand({ ...held, VersionId })));
  await client.send(new PutObjectCommand({ Bucket, Key: 'deleted', Body: text('') }));
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'deleted' }));
  const ofMarker = await retain('deleted', 3);
  return {
    ownRetention: own === 200 ? 'its own' : "the bucket's until it is extended",
    shortened: shortened === 200 ? 'accepted' : 'refused',
    legalHold: holds === 200 && deleted >= 400 ? 'refuses deletion' : 'does not protect',
    retentionOfDeleted: ofMarker === 200 ? 'accepted' : 'refused',
  };
}
