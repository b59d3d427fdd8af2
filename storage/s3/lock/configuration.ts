import { GetObjectLockConfigurationCommand, type S3Client } from '@aws-sdk/client-s3';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { DefaultRetention } from '../../lock.ts';
import type { CallOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { type HttpOptions, request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';
import { lockMode } from './mode.ts';

const DAYS_PER_YEAR = 365;
/** Statuses of servers without Object Lock, beside the error of a bucket without it (404). */
const UNSUPPORTED: readonly number[] = [400, 404, 405, 501];

/** Undefined: the bucket has no Object Lock. @throws the error of the SDK. */
export async function readLockConfiguration(
  bucket: string,
  client: S3Client,
  http: HttpOptions,
): Promise<DefaultRetention | undefined> {
  const { ObjectLockConfiguration: lock } = await client.send(
    new GetObjectLockConfigurationCommand({ Bucket: bucket }),
    http,
  );
  if (lock?.ObjectLockEnabled !== 'Enabled') return undefined;
  const { Mode, Days, Years } = lock.Rule?.DefaultRetention ?? {};
  const days = Days ?? (Years === undefined ? undefined : Years * DAYS_PER_YEAR);
  return { mode: lockMode(Mode), days };
}

/** As `ObjectLock.configuration`. */
export async function lockConfiguration(
  s3: S3,
  { signal }: CallOptions,
): Promise<DefaultRetention | undefined> {
  const doing = 'reading the Object Lock of the bucket';
  try {
    return await request(s3, { doing, signal }, (client, http) =>
      readLockConfiguration(s3.bucket, client, http),
    );
  } catch (error) {
    const { name, status = 0 } = failureOf(error instanceof Error ? error.cause : undefined);
    const hasNone = UNSUPPORTED.includes(status) && name !== 'NoSuchBucket';
    if (hasNone && isStowageError(error)) return undefined;
    throw error;
  }
}
