import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import type { S3 } from './client.ts';
import { plainEtag } from './etags.ts';
import { request } from './request.ts';

/** Size, etag and time of an object. A bucket that is missing looks like an object that is: the answer has no body. */
export async function headObject(
  s3: S3,
  key: string,
  options: CallOptions = {},
): Promise<StoredObject | undefined> {
  const doing = `looking at ${key}`;
  try {
    const found = await request(
      s3,
      { doing, object: key, signal: options.signal },
      (client, http) =>
        client.send(new HeadObjectCommand({ Bucket: s3.bucket, Key: s3.prefix + key }), http),
    );
    if (found.ContentLength === undefined) throw missingInResponse(doing, 'size', key);
    return stored(key, found.ContentLength, plainEtag(found.ETag), found.LastModified);
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    throw error;
  }
}

/** Answers to writes carry no time: it is ours then, and the server's from `head` and `list`. */
export function stored(
  key: string,
  bytes: number,
  etag: string | undefined,
  modifiedAt = new Date(),
): StoredObject {
  return { key, bytes, modifiedAt, ...(etag !== undefined && { etag }) };
}

/** The server left out something every S3 server says. */
export function missingInResponse(doing: string, what: string, object?: string): StowageError {
  return new StowageError('storage/invalid', `${doing}: the server did not say the ${what}`, {
    ...(object !== undefined && { where: { object } }),
  });
}
