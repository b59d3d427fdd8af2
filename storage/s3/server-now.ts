import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { CallOptions } from '../store.ts';
import type { S3 } from './connection/client.ts';
import { request } from './connection/request.ts';

/**
 * The server's time as its last response says. Sends a request only when the last minute had none.
 * A server that sends no `Date` has the time of this host.
 */
export async function serverNow(s3: S3, { signal }: CallOptions = {}): Promise<Date> {
  const known = s3.clock.now();
  if (known !== undefined) return known;
  const input = { Bucket: s3.bucket, Prefix: s3.prefix, MaxKeys: 1 };
  try {
    await request(s3, { doing: `asking ${s3.url} for its time`, signal }, (client, http) =>
      client.send(new ListObjectsV2Command(input), http),
    );
  } catch (error) {
    // A refusal has a `Date`, too.
    if (!isStowageError(error, 'storage/denied')) throw error;
  }
  return s3.clock.now() ?? new Date();
}
