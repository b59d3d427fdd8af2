import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { untilInterrupted } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { exactly } from '../../ranges.ts';
import type { CallOptions, StoredObject } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { PARTS_MAX } from '../parts/sizes.ts';
import { abandonUpload } from './abort.ts';
import {
  type Begun,
  beginUpload,
  completeUpload,
  sendPart,
  type UploadTarget,
} from './multipart.ts';
import { putObject } from './put.ts';
import { eitherSignal } from './upload.ts';

/** Beside these, lib-storage holds the part that it fills and what it has read past it. */
const PARTS_IN_FLIGHT = 2;

/** A stream whose length is known, such as an object of another store. */
export interface KnownStream {
  /** Chunks must stay unchanged after the next one is requested: lib-storage keeps references. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly bytes: number;
}

/**
 * Stores a stream by lib-storage's `Upload`, where speed does not matter. A stream that fits into
 * one part is one conditional PUT. Create-only, cancelled and cleaned up as `uploadStream` is.
 * @throws StowageError `storage/changed` when the stream has another length than `bytes`.
 */
export async function storeStream(
  s3: S3,
  key: string,
  { chunks, bytes }: KnownStream,
  options: CallOptions = {},
): Promise<StoredObject> {
  const doing = `writing ${key}`;
  const failed = new AbortController();
  const signal = eitherSignal(failed.signal, options.signal);
  const source = untilInterrupted(exactly(key, bytes, chunks), signal, doing);
  const { partBytes } = s3.settings;
  if (bytes <= partBytes) {
    return putObject(s3, key, Buffer.concat(await Array.fromAsync(source)), { signal });
  }
  // Loaded here: most processes never copy between unlike stores.
  const { Upload } = await import('@aws-sdk/lib-storage');
  const client = multipartClient({ s3, key, doing, signal }, bytes, failed);
  const upload = new Upload({
    client,
    queueSize: PARTS_IN_FLIGHT,
    partSize: Math.max(partBytes, Math.ceil(bytes / PARTS_MAX)),
    params: {
      Bucket: s3.bucket,
      Key: s3.prefix + key,
      Body: Readable.from(source, { highWaterMark: 1 }),
      ContentLength: bytes,
    },
  });
  await upload.done();
  return client.stored();
}

/**
 * The client that lib-storage sends its commands to. Alone, lib-storage passes no signal to its
 * requests, rejects before it has aborted the upload, loses an upload that is cancelled while it
 * begins, and sends IfNoneMatch to servers that reject it. Here each command is one of our calls.
 */
function multipartClient(
  target: UploadTarget,
  bytes: number,
  failed: AbortController,
): S3Client & { stored(): StoredObject } {
  const { s3, key, doing } = target;
  let object: StoredObject | undefined;
  let begun: Begun | undefined;
  const execute = async (command: unknown) => {
    if (command instanceof CreateMultipartUploadCommand) {
      begun = await beginUpload(target);
      return { UploadId: begun.uploadId };
    }
    if (command instanceof UploadPartCommand && begun !== undefined) {
      const { PartNumber = 0, Body } = command.input;
      return (await sendPart(target, begun, { number: PartNumber, bytes: Body as Uint8Array }))
        .sent;
    }
    if (command instanceof CompleteMultipartUploadCommand && begun !== undefined) {
      const parts = command.input.MultipartUpload?.Parts ?? [];
      object = await completeUpload(target, begun, { parts, bytes });
      return {};
    }
    if (command instanceof AbortMultipartUploadCommand)
      return abandonUpload(s3, key, command.input.UploadId ?? '');
    throw new StowageError('internal', `${doing}: lib-storage sent an unexpected command`);
  };
  const client = {
    config: s3.client.config,
    async send(command: unknown) {
      try {
        return await execute(command);
      } catch (error) {
        // Ends the source too: lib-storage waits for its next chunk before it reports a failure.
        failed.abort(error);
        throw error;
      }
    },
    stored() {
      if (object === undefined)
        throw new StowageError('internal', `${doing}: lib-storage did not complete the upload`);
      return object;
    },
  };
  return client as unknown as S3Client & { stored(): StoredObject };
}
