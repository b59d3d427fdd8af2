import { randomUUID } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { backOff } from '../../async/backoff.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import type { S3 } from './client.ts';
import { failureOf } from './errors.ts';
import { plainEtag } from './etags.ts';
import { stored } from './head.ts';
import { request } from './request.ts';

/** Metadata that tells our own write from another's; a random id, nothing about the content. */
const WRITE_ID = 'stowage-write';

/**
 * Creates an object with one conditional PUT: the server lets exactly one of many win.
 *
 * When an answer is lost, the SDK's next attempt finds the key taken, perhaps by ourselves. The object then says who
 * wrote it, by the id every write carries: comparing contents instead would make two racing writers of the same bytes
 * both believe that they won. Who may not read (a shipper) gets `storage/exists`: it cannot know.
 */
export async function putObject(
  s3: S3,
  key: string,
  body: Uint8Array,
  options: CallOptions = {},
): Promise<StoredObject> {
  const { signal } = options;
  const doing = `writing ${key}`;
  const writeId = randomUUID();
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    Body: body,
    IfNoneMatch: '*',
    Metadata: { [WRITE_ID]: writeId },
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { ETag } = await request(s3, { doing, object: key, signal }, (client, http) =>
        client.send(new PutObjectCommand(input), http),
      );
      return stored(key, body.length, plainEtag(ETag));
    } catch (error) {
      if (!isStowageError(error, 'storage/exists')) throw error;
      const { status, attempts } = failureOf(error.cause);
      if (status === 409 && attempt < s3.settings.attemptsMax) {
        // Somebody is writing the same key right now; the next attempt learns how that ended.
        await backOff(attempt + 1, signal, doing);
        continue;
      }
      const own =
        attempts > 1 || attempt > 1 ? await writtenBy(s3, key, writeId, options) : undefined;
      if (own === undefined) throw error;
      return own;
    }
  }
}

async function writtenBy(
  s3: S3,
  key: string,
  writeId: string,
  { signal }: CallOptions,
): Promise<StoredObject | undefined> {
  try {
    const found = await request(
      s3,
      { doing: `looking at ${key}`, object: key, signal },
      (client, http) =>
        client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key }), http),
    );
    if (found.Metadata?.[WRITE_ID] !== writeId) return undefined;
    return stored(key, found.ContentLength ?? 0, plainEtag(found.ETag), found.LastModified);
  } catch (error) {
    if (isStowageError(error, 'storage/denied', 'storage/not-found')) return undefined;
    throw error;
  }
}
