import { randomUUID } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { backOff } from '../../../async/backoff.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { CallOptions, StoredObject } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';
import { plainEtag } from '../etags.ts';
import { headWithMetadata, stored } from '../head.ts';

/** Metadata that identifies our own write: a random id that says nothing about the content. */
const WRITE_ID = 'stowage-write';

/**
 * Creates an object with one conditional PUT: of many writers, the server lets exactly one succeed.
 *
 * When a response is lost, the SDK's next attempt finds that the key exists, perhaps by our own
 * write. The id in the object's metadata then shows the writer. Comparing contents would not do:
 * two racing writers of the same bytes would both believe that they won. A writer without the right
 * to read (a shipper) gets `storage/exists`: it cannot find out.
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
        // Another writer is writing the same key now; the next attempt finds the result.
        await backOff(attempt + 1, signal, doing);
        continue;
      }
      const wasRetried = attempts > 1 || attempt > 1;
      const own = wasRetried ? await findOwnWrite(s3, key, writeId, options) : undefined;
      if (own === undefined) throw error;
      return own;
    }
  }
}

async function findOwnWrite(
  s3: S3,
  key: string,
  writeId: string,
  options: CallOptions,
): Promise<StoredObject | undefined> {
  try {
    const { object, metadata } = await headWithMetadata(s3, key, options);
    return metadata?.[WRITE_ID] === writeId ? object : undefined;
  } catch (error) {
    if (isStowageError(error, 'storage/denied', 'storage/not-found')) return undefined;
    throw error;
  }
}
