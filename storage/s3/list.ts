import { createHash } from 'node:crypto';
import {
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type _Error as S3KeyError,
} from '@aws-sdk/client-s3';
import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { CallOptions, PendingUpload, StoredObject } from '../store.ts';
import type { S3 } from './connection/client.ts';
import { request } from './connection/request.ts';
import { plainEtag } from './etags.ts';
import { missingInResponse, stored } from './head.ts';
import { rejectsChecksum } from './write/digests.ts';

/** The maximum for one DeleteObjects request. */
const DELETE_KEYS_MAX = 1_000;

/**
 * Every object below a prefix, without folder markers: consoles make such keys, ending in a slash.
 */
export async function* listObjects(
  s3: S3,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<StoredObject> {
  for await (const page of listPages(s3, prefix, options)) {
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      if (Key === undefined || Size === undefined)
        throw missingInResponse(`listing ${prefix}`, 'key or size of an object');
      if (Key.endsWith('/')) continue;
      yield stored(Key.slice(s3.prefix.length), Size, plainEtag(ETag), LastModified);
    }
  }
}

export async function* listFolders(
  s3: S3,
  prefix: string,
  options: CallOptions,
): AsyncGenerator<string> {
  for await (const page of listPages(s3, prefix, options, '/')) {
    for (const { Prefix = '' } of page.CommonPrefixes ?? [])
      yield Prefix.slice(s3.prefix.length + prefix.length);
  }
}

async function* listPages(
  s3: S3,
  prefix: string,
  { signal }: CallOptions,
  delimiter?: '/',
): AsyncGenerator<ListObjectsV2CommandOutput> {
  const doing = `listing ${prefix === '' ? s3.url : prefix}`;
  let token: string | undefined;
  do {
    const input = {
      Bucket: s3.bucket,
      Prefix: s3.prefix + prefix,
      Delimiter: delimiter,
      ContinuationToken: token,
    };
    const page: ListObjectsV2CommandOutput = await request(s3, { doing, signal }, (client, http) =>
      client.send(new ListObjectsV2Command(input), http),
    );
    yield page;
    if (page.IsTruncated !== true) return;
    // A truncated page without a new token would make this loop endless.
    if (page.NextContinuationToken === undefined || page.NextContinuationToken === token) {
      throw missingInResponse(doing, 'next page');
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

/**
 * Removes objects, 1,000 per request. Tries all keys, then throws an error about the first failure.
 */
export async function deleteObjects(
  s3: S3,
  keys: readonly string[],
  { signal }: CallOptions,
): Promise<void> {
  const failed: S3KeyError[] = [];
  for (let at = 0; at < keys.length; at += DELETE_KEYS_MAX) {
    const batch = keys.slice(at, at + DELETE_KEYS_MAX).map((key) => ({ Key: s3.prefix + key }));
    const doing = `deleting ${plural(batch.length, 'object')}`;
    const Delete = { Objects: batch, Quiet: true };
    const send = (md5Only: boolean) =>
      request(s3, { doing, signal }, (client, http) => {
        const command = new DeleteObjectsCommand({ Bucket: s3.bucket, Delete });
        return client.send(withMd5(command, md5Only), http);
      });
    const { Errors = [] } = await send(false).catch((error: unknown) => {
      if (error instanceof Error && rejectsChecksum(error.cause)) return send(true);
      throw error;
    });
    failed.push(...Errors.filter(({ Code }) => Code !== 'NoSuchKey'));
  }
  const [first] = failed;
  if (first === undefined) return;
  const key = first.Key?.slice(s3.prefix.length) ?? '?';
  const more = failed.length === 1 ? '' : ` (and ${failed.length - 1} more)`;
  const code = first.Code === 'AccessDenied' ? 'storage/denied' : 'storage/unavailable';
  throw new StowageError(
    code,
    `deleting ${key} failed: ${first.Code} ${first.Message ?? ''}${more}`,
    {
      where: { object: key },
    },
  );
}

/** The SDK sends a CRC-32. Older servers demand Content-MD5, and few reject the CRC-32. */
function withMd5(command: DeleteObjectsCommand, md5Only: boolean): DeleteObjectsCommand {
  command.middlewareStack.add(
    (next) => async (args) => {
      const { body, headers } = args.request as { body: string; headers: Record<string, string> };
      if (md5Only) {
        delete headers['x-amz-checksum-crc32'];
        delete headers['x-amz-sdk-checksum-algorithm'];
      }
      headers['content-md5'] = createHash('md5').update(body).digest('base64');
      return next(args);
    },
    { step: 'build', name: 'contentMd5', priority: 'low' },
  );
  return command;
}

export async function* listUploads(
  s3: S3,
  prefix: string,
  { signal }: CallOptions,
): AsyncGenerator<PendingUpload> {
  const doing = `listing unfinished uploads below ${prefix === '' ? s3.url : prefix}`;
  let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
  for (;;) {
    const input = { Bucket: s3.bucket, Prefix: s3.prefix + prefix, ...marker };
    const page = await request(s3, { doing, signal }, (client, http) =>
      client.send(new ListMultipartUploadsCommand(input), http),
    );
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined)
        throw missingInResponse(doing, 'key or id of an upload');
      yield {
        key: Key.slice(s3.prefix.length),
        uploadId: UploadId,
        startedAt: Initiated ?? new Date(0),
      };
    }
    if (page.IsTruncated !== true) return;
    const { NextKeyMarker, NextUploadIdMarker } = page;
    const isSame =
      NextKeyMarker === marker.KeyMarker && NextUploadIdMarker === marker.UploadIdMarker;
    if (NextKeyMarker === undefined || isSame) throw missingInResponse(doing, 'next page');
    marker = { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
  }
}
