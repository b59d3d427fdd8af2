import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { changed, exists } from '../../errors.ts';
import type { CallOptions, StoredObject } from '../../store.ts';
import type { S3 } from '../connection/client.ts';
import { type Call, request } from '../connection/request.ts';
import { failureOf } from '../errors.ts';
import { headObject, headWithMetadata, missingInResponse } from '../head.ts';
import { cutIntoParts, type PartRange } from '../parts/sizes.ts';
import { abandonUpload } from './abort.ts';
import { beginUpload, completeUpload } from './multipart.ts';
import { writeIdIn } from './own-write.ts';
import { eitherSignal } from './upload.ts';

/** More than parts of an upload: the server does the work, and no bytes pass through us. */
const COPIES_IN_FLIGHT = 8;

/** A running copy; both stores are on the same endpoint. */
interface Copy {
  readonly to: S3;
  readonly from: S3;
  readonly key: string;
  readonly call: Call;
  readonly source: StoredObject;
  /** `bucket/key`, encoded as the header requires; the SDK does not encode it. */
  readonly copySource: string;
}

/**
 * Copies an object on the server. The caller has checked that the key does not exist. On AWS a
 * condition also rejects a key that is created meanwhile. On other servers two racing copies of one
 * object both succeed, with the same bytes.
 */
export async function copyObject(
  to: S3,
  from: S3,
  source: StoredObject,
  options: CallOptions = {},
): Promise<StoredObject> {
  const { key } = source;
  const copy: Copy = {
    to,
    from,
    key,
    source,
    call: { doing: `copying ${key}`, object: key, signal: options.signal, longTimeout: true },
    copySource: encodeSource(`${from.bucket}/${from.prefix}${key}`),
  };
  await explainingConditions(copy, () =>
    source.bytes > to.settings.copyPartBytes ? copyInParts(copy) : copyInOne(copy),
  );
  const arrived = await headObject(to, key, options);
  if (arrived?.bytes === source.bytes) return arrived;
  const found =
    arrived === undefined ? 'there is no copy' : `the copy has ${plural(arrived.bytes, 'byte')}`;
  const message = `copying ${key} failed: the source has ${plural(source.bytes, 'byte')}, but ${found}`;
  throw new StowageError('storage/invalid', message, { where: { object: key } });
}

async function copyInOne(copy: Copy): Promise<void> {
  const { to, key, call, source, copySource } = copy;
  const input = {
    Bucket: to.bucket,
    Key: to.prefix + key,
    CopySource: copySource,
    CopySourceIfMatch: conditionOn(source),
    IfNoneMatch: to.isAws ? '*' : undefined,
  };
  try {
    await request(to, call, (client, http) => client.send(new CopyObjectCommand(input), http));
  } catch (error) {
    const { attempts } = failureOf(error instanceof Error ? error.cause : undefined);
    if (attempts === 1 || !isStowageError(error, 'storage/exists')) throw error;
    if (!(await isSameWrite(copy))) throw error;
  }
}

/** A copy has the metadata of its source: the id of the write that stored both. */
async function isSameWrite({ to, from, key, call }: Copy): Promise<boolean> {
  if ((await headObject(to, key, call)) === undefined) return false;
  const source = await headWithMetadata(from, key, call);
  const target = await headWithMetadata(to, key, call);
  const id = writeIdIn(source.metadata);
  return id !== undefined && id === writeIdIn(target.metadata);
}

async function copyInParts(copy: Copy): Promise<void> {
  const { to, key, call, source } = copy;
  const failed = new AbortController();
  const signal = eitherSignal(failed.signal, call.signal);
  const target = { s3: to, key, doing: call.doing, signal };
  const begun = await beginUpload(target, { copies: true });
  let isComplete = false;
  try {
    const ranges = cutIntoParts(source.bytes, to.settings.copyPartBytes);
    const parts = await mapInFlight(ranges, COPIES_IN_FLIGHT, (range) =>
      copyPart({ ...copy, call: { ...call, signal } }, begun.uploadId, range),
    );
    await checkUnchanged(copy);
    await completeUpload(target, begun, { parts, bytes: source.bytes });
    isComplete = true;
  } finally {
    failed.abort();
    if (!isComplete) await abandonUpload(to, key, begun.uploadId);
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
    CopySourceIfMatch: conditionOn(source),
  };
  const { CopyPartResult } = await request(to, call, (client, http) =>
    client.send(new UploadPartCopyCommand(input), http),
  );
  if (CopyPartResult?.ETag === undefined)
    throw missingInResponse(call.doing, `etag of part ${range.number}`, key);
  const { ETag, ChecksumCRC32 } = CopyPartResult;
  return { PartNumber: range.number, ETag, ChecksumCRC32 };
}

/**
 * Ceph 16 ignores the condition on the source of a part, so the ETag is compared after the copy.
 */
async function checkUnchanged({ from, key, call, source }: Copy): Promise<void> {
  const found = await headObject(from, key, { signal: call.signal });
  if (found?.etag !== source.etag) throw changed(key, 'its ETag differs');
}

/**
 * Ceph 16 decodes the source of a part twice, and crashes on an assertion when the result is not a
 * valid encoding. No key of ours has a `%`. The prefix of a root may; such objects are streamed.
 */
export function canCopyWithin(to: S3, from: S3, source: StoredObject): boolean {
  if (from.settings.endpoint !== to.settings.endpoint) return false;
  const isInParts = source.bytes > to.settings.copyPartBytes;
  return to.isAws || !isInParts || !`${from.prefix}${source.key}`.includes('%');
}

/** HTTP 412 is about the source, which has changed, or about the target, which then exists. */
async function explainingConditions(copy: Copy, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { status } = failureOf(error instanceof Error ? error.cause : undefined);
    if (status !== 412) throw error;
    if ((await headObject(copy.to, copy.key)) !== undefined) throw exists(copy.key, error);
    throw changed(copy.key, 'its ETag differs', error);
  }
}

function conditionOn({ etag }: StoredObject): string | undefined {
  return etag === undefined ? undefined : `"${etag}"`;
}

function encodeSource(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
