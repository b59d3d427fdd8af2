import type { CompletedPart } from '@aws-sdk/client-s3';
import { throwIfInterrupted, untilInterrupted } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { StoredObject, WriteOptions } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { type PartBuffers, partBuffers } from '../parts/buffers.ts';
import { intoParts, type Part } from '../parts/parts.ts';
import { partBytesAt } from '../parts/sizes.ts';
import { partWindow } from '../parts/window.ts';
import { abandonUpload } from './abort.ts';
import { beginUpload, completeUpload, sendPart, type UploadTarget } from './multipart.ts';
import { putObject } from './put.ts';

/** A running upload. A failed part, a failed source and the caller's signal all fire `signal`. */
interface RunningUpload extends UploadTarget {
  readonly failed: AbortController;
  readonly buffers: PartBuffers;
}

/**
 * Uploads a stream. A stream that fits into one part is one conditional PUT. A longer one is sent
 * in parts, a few in flight while the next one is filled. Memory is the part buffers
 * (parts/buffers.ts), whatever the size of the stream.
 */
export async function uploadStream(
  s3: S3,
  key: string,
  source: AsyncIterable<Uint8Array>,
  options: WriteOptions = {},
): Promise<StoredObject> {
  const { partBytes } = s3.settings;
  const doing = `writing ${key}`;
  const failed = new AbortController();
  const signal = eitherSignal(failed.signal, options.signal);
  using buffers = partBuffers(s3.spareBuffers, signal, doing);
  const { ownKey } = options;
  const upload: RunningUpload = { s3, key, doing, failed, signal, ownKey, buffers };
  const parts = intoParts(key, untilInterrupted(source, signal, doing), buffers, (n) =>
    partBytesAt(n, partBytes),
  );
  try {
    const first = await parts.next();
    if (first.done === true)
      throw new StowageError('internal', `${doing} failed: the stream of parts was empty`);
    if (!first.value.isLast) return await uploadInParts(upload, first.value, parts);
    const object = await putObject(s3, key, first.value.bytes, { signal, ownKey });
    buffers.giveBack(first.value.buffer);
    return object;
  } finally {
    failed.abort();
    await parts.return(undefined);
  }
}

async function uploadInParts(
  upload: RunningUpload,
  first: Part,
  rest: AsyncGenerator<Part>,
): Promise<StoredObject> {
  const { s3, key, doing, failed, signal, buffers } = upload;
  const begun = await beginUpload(upload);
  const parts: CompletedPart[] = [];
  const window = partWindow(s3.settings.partsInFlight);
  const inFlight = new Set<Promise<void>>();
  let bytes = 0;
  let isComplete = false;
  const send = async (part: Part) => {
    const { sent, attempts } = await sendPart(upload, begun, part);
    // Not after a failure: a failed attempt may still be reading the buffer.
    buffers.giveBack(part.buffer);
    parts.push(sent);
    window.arrived(attempts);
  };
  const start = async (part: Part) => {
    while (inFlight.size >= window.size) await Promise.race(inFlight);
    throwIfInterrupted(signal, doing);
    bytes += part.bytes.length;
    const sending = send(part)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  };
  try {
    await start(first);
    for await (const part of rest) await start(part);
    await Promise.all(inFlight);
    throwIfInterrupted(signal, doing);
    const object = await completeUpload(upload, begun, { parts, bytes });
    isComplete = true;
    return object;
  } finally {
    if (!isComplete) {
      failed.abort();
      // A part that arrives after the abort would stay in the bucket, unlisted and billed.
      await Promise.allSettled(inFlight);
      await abandonUpload(s3, key, begun.uploadId);
    }
  }
}

/** Fires when one of the two fires. */
export function eitherSignal(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}
