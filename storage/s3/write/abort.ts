import { AbortMultipartUploadCommand } from '@aws-sdk/client-s3';
import { pause } from '../../../async/poll.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { S3 } from '../connection/client.ts';
import { request } from '../connection/request.ts';

/** An abort that hangs must not delay the failure behind it; the sweeper removes what stays. */
export const ABORT_TIMEOUT_MS = 10_000;
/** A server stores a part that has arrived within this time. */
const ABORT_AGAIN_AFTER_MS = [100, 500];

/**
 * Aborts an upload after a failure. Never throws: the first failure is the one to report.
 *
 * A part that the server was storing at the abort can bring the upload back (AWS's manual,
 * versitygw). So it is aborted again until it is gone, which needs no right to list.
 */
export async function abandonUpload(s3: S3, key: string, uploadId: string): Promise<void> {
  const signal = AbortSignal.timeout(ABORT_TIMEOUT_MS);
  for (const pauseMs of [0, ...ABORT_AGAIN_AFTER_MS]) {
    await pause(pauseMs, signal);
    const existed = await endUpload(s3, key, uploadId, signal).catch(() => false);
    if (!existed) return;
  }
}

/** Aborts an upload and frees its parts. An upload that no longer exists is not an error. */
export async function abortUpload(
  s3: S3,
  key: string,
  uploadId: string,
  signal?: AbortSignal | undefined,
): Promise<void> {
  await endUpload(s3, key, uploadId, signal);
}

/** @returns false when the upload does not exist. */
async function endUpload(
  s3: S3,
  key: string,
  uploadId: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const input = { Bucket: s3.bucket, Key: s3.prefix + key, UploadId: uploadId };
  const call = { doing: `aborting the upload of ${key}`, object: key, signal };
  try {
    await request(s3, call, (client, http) =>
      client.send(new AbortMultipartUploadCommand(input), http),
    );
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/not-found')) throw error;
    return false;
  }
}
