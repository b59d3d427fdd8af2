import type { S3Client } from '@aws-sdk/client-s3';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { notFound } from '../../errors.ts';
import type { CallOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { type HttpOptions, request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';

/**
 * The answers for an object that was never locked. Some servers send these names with HTTP 400.
 */
const NEVER_LOCKED: ReadonlySet<string> = new Set([
  'NoSuchObjectLockConfiguration',
  'NoSuchObjectLegalHold',
  // Ceph and SeaweedFS, also in a bucket with Object Lock.
  'ObjectLockConfigurationNotFoundError',
]);

/**
 * Sends a request about the lock of one object. @returns undefined for one that was never locked.
 */
export async function askAbout<T>(
  s3: S3,
  key: string,
  doing: string,
  { signal }: CallOptions,
  send: (client: S3Client, http: HttpOptions) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await request(s3, { doing, object: key, signal }, send);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const { name, status } = failureOf(error.cause);
    if (NEVER_LOCKED.has(name)) return undefined;
    // The newest version is a delete marker.
    if (status === 405) throw notFound(key, s3.url);
    if (status !== 400 && status !== 501) throw error;
    const reason =
      status === 501 ? 'the server does not support it' : 'the bucket has no Object Lock';
    throw new StowageError('storage/invalid', `${doing} failed: ${reason} (${error.message})`, {
      cause: error,
      where: { object: key },
    });
  }
}
