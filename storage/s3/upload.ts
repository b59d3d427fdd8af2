import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { delayedAbort, throwIfInterrupted, untilInterrupted } from '../../async/abort.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import type { S3 } from './client.ts';
import { failureOf } from './errors.ts';
import { etagOfParts, plainEtag } from './etags.ts';
import { headObject, missingInResponse, stored } from './head.ts';
import { type PartBuffers, partBuffers } from './parts/buffers.ts';
import { intoParts, type Part } from './parts/parts.ts';
import { partBytesAt } from './parts/sizes.ts';
import { partWindow } from './parts/window.ts';
import { putObject } from './put.ts';
import { request } from './request.ts';

/** An abort that hangs must not hold up the failure that led to it; the sweeper removes what it leaves. */
const ABORT_MS_MAX = 10_000;

/** One upload under way. Whatever ends it (a part, the source, the caller's signal) does so through `failed`. */
interface Upload {
  readonly s3: S3;
  readonly key: string;
  readonly doing: string;
  readonly failed: AbortController;
  readonly signal: AbortSignal;
  readonly buffers: PartBuffers;
}

/**
 * Uploads a stream: what fits into one part as one conditional PUT, the rest in parts of which a few are in flight
 * while the next is filled. Memory is in part buffers, whatever the size of the stream (part-buffers.ts).
 */
export async function uploadStream(
  s3: S3,
  key: string,
  source: AsyncIterable<Uint8Array>,
  options: CallOptions = {},
): Promise<StoredObject> {
  const { partBytes } = s3.settings;
  const doing = `writing ${key}`;
  const failed = new AbortController();
  const signal = AbortSignal.any([
    failed.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  const buffers = partBuffers(s3.spareBuffers, signal, doing);
  const upload: Upload = { s3, key, doing, failed, signal, buffers };
  const parts = intoParts(key, untilInterrupted(source, signal, doing), buffers, (n) =>
    partBytesAt(n, partBytes),
  );
  try {
    const first = await parts.next();
    if (first.done === true) throw new StowageError('internal', `${doing}: a stream gave no part`);
    if (!first.value.isLast) return await uploadInParts(upload, first.value, parts);
    const object = await putObject(s3, key, first.value.bytes, { signal });
    buffers.giveBack(first.value.buffer);
    return object;
  } finally {
    failed.abort();
    await parts.return(undefined);
    buffers.close();
  }
}

async function uploadInParts(
  upload: Upload,
  first: Part,
  rest: AsyncGenerator<Part>,
): Promise<StoredObject> {
  const { s3, key, doing, failed, signal } = upload;
  const uploadId = await beginUpload(s3, key, doing, signal);
  const completed: CompletedPart[] = [];
  const window = partWindow(s3.settings.partsInFlight);
  const inFlight = new Set<Promise<void>>();
  let bytes = 0;
  let isComplete = false;
  const start = async (part: Part) => {
    while (inFlight.size >= window.size) await Promise.race(inFlight);
    throwIfInterrupted(signal, doing);
    bytes += part.bytes.length;
    const sending = sendPart(upload, uploadId, part)
      .then(({ sent, attempts }) => {
        completed.push(sent);
        window.arrived(attempts);
      })
      .catch((error: unknown) => failed.abort(error))
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  };
  try {
    await start(first);
    for await (const part of rest) await start(part);
    await Promise.all(inFlight);
    throwIfInterrupted(signal, doing);
    const object = await completeUpload(upload, uploadId, completed, bytes);
    isComplete = true;
    return object;
  } finally {
    if (!isComplete) {
      failed.abort();
      // A part that arrives after the abort would stay, unseen and paid for.
      await Promise.allSettled(inFlight);
      await abandonUpload(s3, key, uploadId);
    }
  }
}

async function sendPart(
  upload: Upload,
  uploadId: string,
  part: Part,
): Promise<{ sent: CompletedPart; attempts: number }> {
  const { s3, key, doing, signal, buffers } = upload;
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    UploadId: uploadId,
    PartNumber: part.number,
    Body: part.bytes,
  };
  const sent = await request(s3, { doing, object: key, signal }, (client, http) =>
    client.send(new UploadPartCommand(input), http),
  );
  // Only when it has arrived: a failed attempt may still be reading the buffer.
  buffers.giveBack(part.buffer);
  if (sent.ETag === undefined) throw missingInResponse(doing, `etag of part ${part.number}`, key);
  return {
    sent: {
      PartNumber: part.number,
      ETag: sent.ETag,
      ...(sent.ChecksumCRC32 !== undefined && { ChecksumCRC32: sent.ChecksumCRC32 }),
    },
    attempts: sent.$metadata.attempts ?? 1,
  };
}

/**
 * Makes the object visible. Create-only on AWS; Ceph 16 takes the condition and ignores it, others refuse the whole
 * request, so it is not sent there.
 */
async function completeUpload(
  { s3, key, doing, signal }: Upload,
  uploadId: string,
  completed: CompletedPart[],
  bytes: number,
): Promise<StoredObject> {
  const parts = completed.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  const computed = etagOfParts(parts.map((part) => plainEtag(part.ETag)));
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    UploadId: uploadId,
    MultipartUpload: { Parts: parts },
    ...(s3.isAws && { IfNoneMatch: '*' }),
  };
  try {
    const { ETag } = await request(
      s3,
      { doing, object: key, signal, longTimeout: true },
      (client, http) => client.send(new CompleteMultipartUploadCommand(input), http),
    );
    return stored(key, bytes, plainEtag(ETag) ?? computed);
  } catch (error) {
    const { name, attempts } = failureOf(error instanceof Error ? error.cause : undefined);
    if (name !== 'NoSuchUpload' || attempts === 1) throw error;
    // The answer to an earlier attempt was lost, and it had done its work: the object tells, to those who may look.
    const found = await headObject(s3, key, { signal }).catch(() => undefined);
    if (found?.bytes === bytes && computed !== undefined && found.etag === computed) return found;
    throw error;
  }
}

/**
 * Begins an upload in parts. A signal does not cut it off: the server may have begun by then, and only the answer has
 * the id by which to end it again.
 */
export async function beginUpload(
  s3: S3,
  key: string,
  doing: string,
  signal: AbortSignal,
): Promise<string> {
  using late = delayedAbort(signal, ABORT_MS_MAX);
  const input = { Bucket: s3.bucket, Key: s3.prefix + key };
  const call = { doing, object: key, signal: late.signal };
  const { UploadId } = await request(s3, call, (client, http) =>
    client.send(new CreateMultipartUploadCommand(input), http),
  );
  if (UploadId === undefined) throw missingInResponse(doing, 'upload id', key);
  return UploadId;
}

/** Ends an upload that failed. An abort that fails too is left to the sweeper: the first failure is the one to report. */
export async function abandonUpload(s3: S3, key: string, uploadId: string): Promise<void> {
  await abortUpload(s3, key, uploadId, AbortSignal.timeout(ABORT_MS_MAX)).catch(() => undefined);
}

/** Ends an upload and frees its parts; one that is gone is no error. */
export async function abortUpload(
  s3: S3,
  key: string,
  uploadId: string,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const input = { Bucket: s3.bucket, Key: s3.prefix + key, UploadId: uploadId };
  try {
    await request(
      s3,
      { doing: `aborting the upload of ${key}`, object: key, signal },
      (client, http) => client.send(new AbortMultipartUploadCommand(input), http),
    );
  } catch (error) {
    if (!isStowageError(error, 'storage/not-found')) throw error;
  }
}
