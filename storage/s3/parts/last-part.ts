import { ListPartsCommand } from '@aws-sdk/client-s3';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { CallOptions, PendingUpload } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { request } from '../connection/request.ts';

/** 10,000 parts, the maximum of an upload, by 1,000 a page. */
const PAGES_MAX = 10;

/**
 * When the newest part of an upload was stored; without parts, when the upload was begun. Without
 * the right to list parts, and for an upload that has ended, also its begin.
 */
export async function lastPartAt(
  s3: S3,
  { key, uploadId, startedAt }: PendingUpload,
  { signal }: CallOptions,
): Promise<Date> {
  const call = { doing: `listing the parts of ${key}`, object: key, signal };
  let newest = startedAt;
  let marker: string | undefined;
  try {
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const input = {
        Bucket: s3.bucket,
        Key: s3.prefix + key,
        UploadId: uploadId,
        PartNumberMarker: marker,
      };
      const found = await request(s3, call, (client, http) =>
        client.send(new ListPartsCommand(input), http),
      );
      for (const { LastModified } of found.Parts ?? [])
        if (LastModified !== undefined && LastModified > newest) newest = LastModified;
      if (found.IsTruncated !== true || found.NextPartNumberMarker === marker) break;
      marker = found.NextPartNumberMarker;
    }
  } catch (error) {
    if (!isStowageError(error, 'storage/denied', 'storage/not-found')) throw error;
  }
  return newest;
}
