import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { mapInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { changed } from '../ranges.ts';
import type { CallOptions, StoredObject } from '../store.ts';
import type { S3 } from './client.ts';
import { failureOf } from './errors.ts';
import { headObject, missingInResponse } from './head.ts';
import { cutIntoParts, type PartRange } from './parts/sizes.ts';
import { type Call, request } from './request.ts';
import { abandonUpload, beginUpload } from './upload.ts';

/** The server does the work: more in flight than of uploads, which pass through us. */
const COPIES_IN_FLIGHT = 8;

/** One copy under way; both stores are on the same endpoint. */
interface Copy {
  readonly to: S3;
  readonly from: S3;
  readonly key: string;
  readonly call: Call;
  readonly source: StoredObject;
  /** `bucket/key`, encoded as the header wants it; the SDK does not. */
  readonly copySource: string;
}

/**
 * Copies an object without its bytes passing through us. Create-only: by condition on AWS; elsewhere the key is looked
 * at first (check, then write: of two racing copies of the same object both succeed, with the same bytes).
 */
export async function copyObject(
  to: S3,
  from: S3,
  key: string,
  source: StoredObject,
  options: CallOptions = {},
): Promise<StoredObject> {
  if ((await headObject(to, key, options)) !== undefined) throw exists(key);
  const copy: Copy = {
    to,
    from,
    key,
    source,
    call: { doing: `copying ${key}`, object: key, signal: options.signal, longTimeout: true },
    copySource: encodeSource(`${from.bucket}/${from.prefix}${key}`),
  };
  await orChanged(copy, () =>
    source.bytes > to.settings.copyPartBytes ? copyInParts(copy) : copyInOne(copy),
  );
  const arrived = await headObject(to, key, options);
  if (arrived?.bytes === source.bytes) return arrived;
  const words = `copying ${key}: ${source.bytes} bytes went, ${arrived?.bytes ?? 'none'} arrived`;
  throw new StowageError('storage/invalid', words, { where: { object: key } });
}

async function copyInOne({ to, key, call, source, copySource }: Copy): Promise<void> {
  const input = {
    Bucket: to.bucket,
    Key: to.prefix + key,
    CopySource: copySource,
    ...ifUnchanged(source),
    ...(to.isAws && { IfNoneMatch: '*' }),
  };
  await request(to, call, (client, http) => client.send(new CopyObjectCommand(input), http));
}

async function copyInParts(copy: Copy): Promise<void> {
  const { to, key, call, source } = copy;
  const target = { Bucket: to.bucket, Key: to.prefix + key };
  const failed = new AbortController();
  const signal = AbortSignal.any([
    failed.signal,
    ...(call.signal === undefined ? [] : [call.signal]),
  ]);
  const uploadId = await beginUpload(to, key, call.doing, signal);
  let isComplete = false;
  try {
    const ranges = cutIntoParts(source.bytes, to.settings.copyPartBytes);
    const parts = await mapInFlight(ranges, COPIES_IN_FLIGHT, (range) =>
      copyPart({ ...copy, call: { ...call, signal } }, uploadId, range),
    );
    await checkUnchanged(copy);
    const input = {
      ...target,
      UploadId: uploadId,
      MultipartUpload: { Parts: parts },
      ...(to.isAws && { IfNoneMatch: '*' }),
    };
    await request(to, call, (client, http) =>
      client.send(new CompleteMultipartUploadCommand(input), http),
    );
    isComplete = true;
  } finally {
    failed.abort();
    if (!isComplete) await abandonUpload(to, key, uploadId);
  }
}

async function copyPart(
  { to, key, call, source, copySource }: Copy,
  uploadId: string,
  range: PartRange,
) {
  const input = {
    Bucket: to.bucket,
    Key: to.prefix + key,
    UploadId: uploadId,
    PartNumber: range.number,
    CopySource: copySource,
    CopySourceRange: `bytes=${range.offset}-${range.offset + range.bytes - 1}`,
    ...ifUnchanged(source),
  };
  const { CopyPartResult } = await request(to, call, (client, http) =>
    client.send(new UploadPartCopyCommand(input), http),
  );
  if (CopyPartResult?.ETag === undefined)
    throw missingInResponse(call.doing, `etag of part ${range.number}`, key);
  const { ETag, ChecksumCRC32 } = CopyPartResult;
  return { PartNumber: range.number, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) };
}

/** Ceph 16 takes the condition on the source of a part and ignores it: so its etag is compared when all are copied. */
async function checkUnchanged({ from, key, call, source }: Copy): Promise<void> {
  const { signal } = call;
  const found = await headObject(from, key, { signal });
  if (found?.etag !== source.etag) throw changed(key, 'its etag is another');
}

/**
 * Ceph 16 decodes the source of a part twice, and dies of an assertion when what remains is no valid encoding. No key
 * of ours has a `%`; a root's prefix may, and its objects then pass through us.
 */
export function canCopyWithin(to: S3, from: S3, source: StoredObject): boolean {
  if (from.settings.endpoint !== to.settings.endpoint) return false;
  const isInParts = source.bytes > to.settings.copyPartBytes;
  return to.isAws || !isInParts || !`${from.prefix}${source.key}`.includes('%');
}

/** A refused condition means another source, unless it was the target's: then it exists by now. */
async function orChanged(copy: Copy, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { status } = failureOf(error instanceof Error ? error.cause : undefined);
    if (status !== 412) throw error;
    if ((await headObject(copy.to, copy.key)) !== undefined) throw exists(copy.key, error);
    throw changed(copy.key, 'its etag is another', error);
  }
}

function ifUnchanged(source: StoredObject): { CopySourceIfMatch?: string } {
  return source.etag === undefined ? {} : { CopySourceIfMatch: `"${source.etag}"` };
}

function encodeSource(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function exists(key: string, cause?: unknown): StowageError {
  return new StowageError('storage/exists', `${key} exists already`, {
    cause,
    where: { object: key },
  });
}
