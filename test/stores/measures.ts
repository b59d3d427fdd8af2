import { randomUUID } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLockConfigurationCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { ConditionalCreate, StoreFacts } from '../../infra/docs/stores.ts';
import { failureOf } from '../../storage/s3/errors.ts';
import { text } from '../contract/bytes.ts';
import { createBucket } from '../support/stores/store-server.ts';

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
): Promise<Pick<StoreFacts, 'objectLock' | 'lockedWithoutDigest'>> {
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
  if (made !== 200) return { objectLock: 'not supported', lockedWithoutDigest: 'not supported' };
  const Key = 'kept';
  const Body = text('kept');
  const { VersionId } = await client.send(
    new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: 'CRC32' }),
  );
  const deleted = await statusOf(client.send(new DeleteObjectCommand({ Bucket, Key, VersionId })));
  const plain = await statusOf(client.send(new PutObjectCommand({ Bucket, Key: 'plain', Body })));
  return {
    objectLock: VersionId !== undefined && deleted >= 400 ? 'refuses deletion' : 'does not protect',
    lockedWithoutDigest: plain === 200 ? 'accepted' : 'refused',
  };
}
