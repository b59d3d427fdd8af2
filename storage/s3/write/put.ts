import { randomUUID } from 'node:crypto';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { backOff } from '../../../async/backoff.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { StoredObject, WriteOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';
import { plainEtag } from '../etags.ts';
import { missingInResponse, stored } from '../head.ts';
import { type DigestFields, sendBytes } from './digests.ts';
import { learnEtags, md5Of, ownWrite, writeIdMetadata } from './own-write.ts';

/** HTTP 409 while another writes the key. Others stay: versitygw's for `a/b` over an object `a`. */
const CONFLICTS = new Set(['ConditionalRequestConflict', 'OperationAborted']);

/**
 * Creates an object with one conditional PUT: of many writers, the server lets exactly one succeed.
 *
 * When a response is lost, the SDK's next attempt finds that the key exists, perhaps by our own
 * write. The id in the object's metadata then shows the writer. Comparing contents would not do:
 * two racing writers of the same bytes would both believe that they won. A writer without the right
 * to read (a shipper) cannot find out: it gets `storage/exists`, or the object with `ownKey`.
 */
export async function putObject(
  s3: S3,
  key: string,
  body: Uint8Array,
  options: WriteOptions = {},
): Promise<StoredObject> {
  const { signal } = options;
  const doing = `writing ${key}`;
  const writeId = randomUUID();
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    Body: body,
    IfNoneMatch: '*',
    Metadata: writeIdMetadata(writeId),
  };
  const send = async (digests: DigestFields) => {
    const { ETag } = await request(s3, { doing, object: key, signal }, (client, http) =>
      client.send(new PutObjectCommand({ ...input, ...digests }), http),
    );
    // A page of a gateway, with HTTP 200: nothing was stored.
    if (ETag === undefined) throw missingInResponse(doing, 'ETag', key);
    learnEtags(s3, body, ETag);
    return stored(key, body.length, plainEtag(ETag));
  };
  const { current: digests, learn } = s3.digests;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sendBytes({ bytes: body, doing, signal, digests, learn }, send);
    } catch (error) {
      if (!isStowageError(error, 'storage/exists')) throw error;
      const { name, attempts } = failureOf(error.cause);
      if (CONFLICTS.has(name) && attempt < s3.settings.attemptsMax) {
        // Another writer is writing the same key now; the next attempt finds the result.
        await backOff(attempt + 1, signal, doing);
        continue;
      }
      if (attempts === 1 && attempt === 1) throw error;
      const write = { key, bytes: body.length, writeId, acceptsEtag: false };
      const own = await ownWrite(s3, { ...write, etag: () => md5Of(body) }, options);
      if (own === undefined) throw error;
      return own;
    }
  }
}
