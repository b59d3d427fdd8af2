import { HeadObjectCommand, type HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import type { S3 } from './connection/client.ts';
import { request } from './connection/request.ts';
import { plainEtag } from './etags.ts';

/**
 * Size, ETag and time of an object; undefined when there is none. A missing bucket looks the same:
 * the response to HEAD has no body that could say so.
 */
export async function headObject(
  s3: S3,
  key: string,
  options: CallOptions = {},
): Promise<StoredObject | undefined> {
  try {
    return (await headWithMetadata(s3, key, options)).object;
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    throw error;
  }
}

/** @throws StowageError `storage/not-found` when there is no such object. */
export async function headWithMetadata(
  s3: S3,
  key: string,
  { signal }: CallOptions,
): Promise<{ object: StoredObject; metadata: HeadObjectCommandOutput['Metadata'] }> {
  const doing = `reading the metadata of ${key}`;
  const input = { Bucket: s3.bucket, Key: s3.prefix + key };
  const found = await request(s3, { doing, object: key, signal }, (client, http) =>
    client.send(new HeadObjectCommand(input), http),
  );
  if (found.ContentLength === undefined) throw missingInResponse(doing, 'size', key);
  const object = stored(key, found.ContentLength, plainEtag(found.ETag), found.LastModified);
  return { object, metadata: found.Metadata };
}

/**
 * Responses to writes have no time: `modifiedAt` is then the time of this host, while `head` and
 * `list` return the server's.
 */
export function stored(
  key: string,
  bytes: number,
  etag: string | undefined,
  modifiedAt = new Date(),
): StoredObject {
  return { key, bytes, etag, modifiedAt };
}

/** The response lacks a field that every S3 server sends. */
export function missingInResponse(doing: string, what: string, object?: string): StowageError {
  return new StowageError(
    'storage/invalid',
    `${doing}: the response of the server has no ${what}`,
    {
      where: object === undefined ? {} : { object },
    },
  );
}
