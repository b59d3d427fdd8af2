import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { delayedAbort } from '../../../async/abort.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { StoredObject } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';
import { etagOfParts, plainEtag } from '../etags.ts';
import { headObject, missingInResponse, stored } from '../head.ts';

/** An abort that hangs must not delay the failure behind it; the sweeper removes what stays. */
const ABORT_TIMEOUT_MS = 10_000;

/** The object that a multipart upload makes. */
export interface UploadTarget {
  readonly s3: S3;
  readonly key: string;
  /** For messages. */
  readonly doing: string;
  readonly signal: AbortSignal;
}

/**
 * Begins a multipart upload. The signal does not cancel it at once: the server may have begun the
 * upload, and only its response has the id that is needed to abort it.
 */
export async function beginUpload({ s3, key, doing, signal }: UploadTarget): Promise<string> {
  using late = delayedAbort(signal, ABORT_TIMEOUT_MS);
  const input = { Bucket: s3.bucket, Key: s3.prefix + key };
  const call = { doing, object: key, signal: late.signal };
  const { UploadId } = await request(s3, call, (client, http) =>
    client.send(new CreateMultipartUploadCommand(input), http),
  );
  if (UploadId === undefined) throw missingInResponse(doing, 'upload id', key);
  return UploadId;
}

/** @returns the part as `completeUpload` takes it, and how often the SDK sent it. */
export async function sendPart(
  { s3, key, doing, signal }: UploadTarget,
  part: { readonly uploadId: string; readonly number: number; readonly bytes: Uint8Array },
): Promise<{ sent: CompletedPart; attempts: number }> {
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    UploadId: part.uploadId,
    PartNumber: part.number,
    Body: part.bytes,
  };
  const { ETag, ChecksumCRC32, $metadata } = await request(
    s3,
    { doing, object: key, signal },
    (client, http) => client.send(new UploadPartCommand(input), http),
  );
  if (ETag === undefined) throw missingInResponse(doing, `etag of part ${part.number}`, key);
  return {
    sent: { PartNumber: part.number, ETag, ChecksumCRC32 },
    attempts: $metadata.attempts ?? 1,
  };
}

/**
 * Makes the object visible. Create-only on AWS. Ceph 16 ignores the condition, and other servers
 * reject the request because of it, so they do not get it (docs/design/0009).
 */
export async function completeUpload(
  { s3, key, doing, signal }: UploadTarget,
  upload: {
    readonly uploadId: string;
    readonly parts: readonly CompletedPart[];
    readonly bytes: number;
  },
): Promise<StoredObject> {
  const { bytes } = upload;
  const parts = upload.parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  const computed = etagOfParts(parts.map((part) => plainEtag(part.ETag)));
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    UploadId: upload.uploadId,
    MultipartUpload: { Parts: parts },
    IfNoneMatch: s3.isAws ? '*' : undefined,
  };
  const call = { doing, object: key, signal, longTimeout: true };
  try {
    const { ETag } = await request(s3, call, (client, http) =>
      client.send(new CompleteMultipartUploadCommand(input), http),
    );
    return stored(key, bytes, plainEtag(ETag) ?? computed);
  } catch (error) {
    const { name, attempts } = failureOf(error instanceof Error ? error.cause : undefined);
    if (name !== 'NoSuchUpload' || attempts === 1) throw error;
    // An earlier attempt may have completed the upload and lost its response: compare the object.
    const found = await headObject(s3, key, { signal }).catch(() => undefined);
    if (found?.bytes === bytes && computed !== undefined && found.etag === computed) return found;
    throw error;
  }
}

/** Aborts an upload after a failure. Never throws: the first failure is the one to report. */
export async function abandonUpload(s3: S3, key: string, uploadId: string): Promise<void> {
  const signal = AbortSignal.timeout(ABORT_TIMEOUT_MS);
  await abortUpload(s3, key, uploadId, signal).catch(() => undefined);
}

/** Aborts an upload and frees its parts. An upload that no longer exists is not an error. */
export async function abortUpload(
  s3: S3,
  key: string,
  uploadId: string,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const input = { Bucket: s3.bucket, Key: s3.prefix + key, UploadId: uploadId };
  const call = { doing: `aborting the upload of ${key}`, object: key, signal };
  try {
    await request(s3, call, (client, http) =>
      client.send(new AbortMultipartUploadCommand(input), http),
    );
  } catch (error) {
    if (!isStowageError(error, 'storage/not-found')) throw error;
  }
}
