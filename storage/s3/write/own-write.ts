import { createHash } from 'node:crypto';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { StoredObject, WriteOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { plainEtag } from '../etags.ts';
import { headWithMetadata, stored } from '../head.ts';

/** Metadata that identifies our own write: a random id that says nothing about the content. */
const WRITE_ID = 'stowage-write';

export const writeIdMetadata = (writeId: string) => ({ [WRITE_ID]: writeId });

export const writeIdIn = (metadata: Readonly<Record<string, string>> | undefined) =>
  metadata?.[WRITE_ID];

/** A write whose answer may be lost, because it was sent more than once. */
export interface RetriedWrite {
  readonly key: string;
  readonly bytes: number;
  readonly writeId: string;
  /** The ETag that the bytes have where ETags are MD5s. */
  readonly etag: () => string | undefined;
  /** An object without an id is ours when it has this size and ETag: only the upload has an id. */
  readonly acceptsEtag: boolean;
}

/**
 * The object of a retried write, when it is ours: by its id, or because only this run can name the
 * key (`ownKey`) and it cannot be read. Its ETag is then the computed one; it is absent when the
 * ETags of this server are not MD5s (docs/design/0009).
 * @returns undefined for the object of another writer.
 */
export async function ownWrite(
  s3: S3,
  { key, bytes, writeId, etag, acceptsEtag }: RetriedWrite,
  { signal, ownKey = false }: WriteOptions,
): Promise<StoredObject | undefined> {
  try {
    const { object, metadata } = await headWithMetadata(s3, key, { signal });
    const id = writeIdIn(metadata);
    if (id !== undefined || !acceptsEtag) return id === writeId ? object : undefined;
    const computed = etag();
    return object.bytes === bytes && computed !== undefined && object.etag === computed
      ? object
      : undefined;
  } catch (error) {
    if (isStowageError(error, 'storage/not-found')) return undefined;
    if (!isStowageError(error, 'storage/denied', 'storage/invalid')) throw error;
    return ownKey ? stored(key, bytes, s3.etags.areMd5 === true ? etag() : undefined) : undefined;
  }
}

/** Learns from the first response whether this server's ETags are MD5s: not with SSE-KMS. */
export function learnEtags(s3: S3, bytes: Uint8Array, etag: string | undefined): void {
  const plain = plainEtag(etag);
  if (plain !== undefined) s3.etags.areMd5 ??= plain === md5Of(bytes);
}

export const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
