import { randomUUID } from 'node:crypto';
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { delayedAbort } from '../../../async/abort.ts';
import { backOff } from '../../../async/backoff.ts';
import type { StoredObject } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';
import { etagOfParts, plainEtag } from '../etags.ts';
import { missingInResponse, stored } from '../head.ts';
import { ABORT_TIMEOUT_MS } from './abort.ts';
import { type Digests, NO_DIGESTS, sendBytes } from './digests.ts';
import { learnEtags, ownWrite, writeIdMetadata } from './own-write.ts';

/** The object that a multipart upload makes. */
export interface UploadTarget {
  readonly s3: S3;
  readonly key: string;
  /** For messages. */
  readonly doing: string;
  readonly signal: AbortSignal;
  /** As in `WriteOptions`. */
  readonly ownKey?: boolean | undefined;
}

/** An upload that has begun. */
export interface Begun {
  readonly uploadId: string;
  /** In the metadata of the object. */
  readonly writeId: string;
  /**
   * What its parts carry. AWS rejects a CRC-32 of a part unless the upload was begun with it, and
   * a part without one if it was.
   */
  digests: Digests;
}

/**
 * Begins a multipart upload. The signal does not cancel it at once: the server may have begun the
 * upload, and only its response has the id that is needed to abort it.
 * @param copies its parts are copied on the server, which needs no digests.
 */
export async function beginUpload(
  { s3, key, doing, signal }: UploadTarget,
  { copies = false } = {},
): Promise<Begun> {
  using late = delayedAbort(signal, ABORT_TIMEOUT_MS);
  const writeId = randomUUID();
  const call = { doing, object: key, signal: late.signal };
  for (;;) {
    const digests = copies ? NO_DIGESTS : await s3.digests.current();
    const input = {
      Bucket: s3.bucket,
      Key: s3.prefix + key,
      Metadata: writeIdMetadata(writeId),
      ...(digests.crc32 && { ChecksumAlgorithm: 'CRC32' as const }),
    };
    try {
      const { UploadId } = await request(s3, call, (client, http) =>
        client.send(new CreateMultipartUploadCommand(input), http),
      );
      if (UploadId === undefined) throw missingInResponse(doing, 'upload id', key);
      return { uploadId: UploadId, writeId, digests };
    } catch (error) {
      if (copies || !s3.digests.learn(causeOf(error), digests)) throw error;
    }
  }
}

/** @returns the part as `completeUpload` takes it, and how often the SDK sent it. */
export async function sendPart(
  { s3, key, doing, signal }: UploadTarget,
  begun: Begun,
  part: { readonly number: number; readonly bytes: Uint8Array },
): Promise<{ sent: CompletedPart; attempts: number }> {
  const { bytes } = part;
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    UploadId: begun.uploadId,
    PartNumber: part.number,
    Body: bytes,
  };
  const digests = async () => begun.digests;
  const learn = (error: unknown, sent: Digests) => {
    if (!s3.digests.learn(error, sent)) return false;
    // This upload cannot change its algorithm any more; Content-MD5 may come with every part.
    begun.digests = { crc32: sent.crc32, md5: true };
    return true;
  };
  return sendBytes({ bytes, doing, signal, digests, learn }, async (fields) => {
    const { ETag, $metadata } = await request(s3, { doing, object: key, signal }, (client, http) =>
      client.send(new UploadPartCommand({ ...input, ...fields }), http),
    );
    if (ETag === undefined) throw missingInResponse(doing, `etag of part ${part.number}`, key);
    learnEtags(s3, bytes, ETag);
    const { ChecksumCRC32 } = fields;
    const sent = { PartNumber: part.number, ETag, ...(ChecksumCRC32 && { ChecksumCRC32 }) };
    return { sent, attempts: $metadata.attempts ?? 1 };
  });
}

/**
 * Makes the object visible. Create-only on AWS. Ceph 16 ignores the condition, and other servers
 * reject the request because of it, so they do not get it (docs/design/0009).
 *
 * When a response is lost, the next attempt finds no upload, or on AWS that the key exists. The
 * object then shows whether it is ours; for a writer that cannot read it, `ownKey` decides.
 */
export async function completeUpload(
  target: UploadTarget,
  begun: Begun,
  upload: { readonly parts: readonly CompletedPart[]; readonly bytes: number },
): Promise<StoredObject> {
  const { s3, key, doing, signal } = target;
  const { bytes } = upload;
  const parts = upload.parts.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
  const computed = etagOfParts(parts.map((part) => plainEtag(part.ETag)));
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    UploadId: begun.uploadId,
    MultipartUpload: { Parts: parts },
    IfNoneMatch: s3.isAws ? '*' : undefined,
  };
  const call = { doing, object: key, signal, longTimeout: true };
  let wasRetried = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { ETag } = await request(s3, call, (client, http) =>
        client.send(new CompleteMultipartUploadCommand(input), http),
      );
      return stored(key, bytes, plainEtag(ETag) ?? computed);
    } catch (error) {
      const { name, status, attempts } = failureOf(causeOf(error));
      wasRetried ||= attempts > 1;
      if (!wasRetried) throw error;
      if (status === 409 && attempt < s3.settings.attemptsMax) {
        // The server may still be carrying out an earlier attempt.
        await backOff(attempt + 1, signal, doing);
        continue;
      }
      if (name !== 'NoSuchUpload' && status !== 412) throw error;
      const { writeId } = begun;
      const write = { key, bytes, writeId, etag: () => computed, acceptsEtag: true };
      const own = await ownWrite(s3, write, target);
      if (own === undefined) throw error;
      return own;
    }
  }
}

const causeOf = (error: unknown): unknown => (error instanceof Error ? error.cause : undefined);
