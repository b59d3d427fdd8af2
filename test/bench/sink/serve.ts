import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from './body.ts';
import { type Counts, countOut, countRequest } from './counts.ts';
import { complete, list, nextEtag, type Objects, type SinkObject } from './objects.ts';
import { answer, document, fail } from './respond.ts';
import type { Xml } from './xml.ts';

/** A parsed request to the sink. */
interface SinkRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly objects: Objects;
  readonly counts: Counts;
  readonly bucket: string;
  readonly key: string;
  /** `bucket/key`. */
  readonly name: string;
  readonly query: URLSearchParams;
}

/** Answers the S3 requests of Stowage, rclone, aws and curl. Does not check signatures. */
export async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  objects: Objects,
  counts: Counts,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://sink');
  const path = decodeURIComponent(url.pathname).slice(1);
  const slash = path.indexOf('/');
  const bucket = slash < 0 ? path : path.slice(0, slash);
  const key = slash < 0 ? '' : path.slice(slash + 1);
  const query = url.searchParams;
  const asked = {
    request,
    response,
    objects,
    counts,
    bucket,
    key,
    name: `${bucket}/${key}`,
    query,
  };
  const operation = operationOf(request.method ?? '', key, query);
  countRequest(counts, operation, key);
  await OPERATIONS[operation](asked);
}

const OPERATIONS = {
  PutObject: putObject,
  UploadPart: uploadPart,
  CreateMultipartUpload: createUpload,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
  GetObject: getObject,
  HeadObject: getObject,
  DeleteObject: deleteObject,
  DeleteObjects: deleteObjects,
  ListObjectsV2: listObjects,
  ListMultipartUploads: listUploads,
  Bucket: bucketExists,
} as const;

function operationOf(method: string, key: string, query: URLSearchParams): keyof typeof OPERATIONS {
  if (key === '') {
    if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
    if (method === 'GET' && query.has('uploads')) return 'ListMultipartUploads';
    return method === 'GET' && !query.has('location') ? 'ListObjectsV2' : 'Bucket';
  }
  if (method === 'PUT') return query.has('uploadId') ? 'UploadPart' : 'PutObject';
  if (method === 'POST')
    return query.has('uploadId') ? 'CompleteMultipartUpload' : 'CreateMultipartUpload';
  if (method === 'DELETE') return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
  return method === 'HEAD' ? 'HeadObject' : 'GetObject';
}

async function putObject({ request, response, objects, counts, name }: SinkRequest): Promise<void> {
  // A manifest of many tables is large, and clients read it.
  const keptBytesMax = name.includes('.json') ? Number.POSITIVE_INFINITY : objects.keptBytesMax;
  const body = await readBody(request, keptBytesMax);
  counts.bytesIn += body.bytes;
  if (request.headers['if-none-match'] === '*' && objects.stored.has(name))
    return fail(response, 412, 'PreconditionFailed');
  const etag = nextEtag();
  objects.stored.set(name, {
    ...body,
    etag,
    modifiedAt: new Date(),
    headers: keptHeaders(request),
  });
  answer(response, 200, { etag: `"${etag}"` });
}

async function uploadPart({
  request,
  response,
  objects,
  counts,
  query,
}: SinkRequest): Promise<void> {
  // Parts are large: they are kept only when everything is kept.
  const keptBytesMax = objects.keptBytesMax === Number.POSITIVE_INFINITY ? objects.keptBytesMax : 0;
  const body = await readBody(request, keptBytesMax);
  counts.bytesIn += body.bytes;
  const upload = objects.uploads.get(query.get('uploadId') ?? '');
  if (upload === undefined) return fail(response, 404, 'NoSuchUpload');
  const etag = nextEtag();
  upload.parts.set(Number(query.get('partNumber')), { ...body, etag });
  const crc32 = request.headers['x-amz-checksum-crc32'];
  answer(response, 200, {
    etag: `"${etag}"`,
    ...(typeof crc32 === 'string' ? { 'x-amz-checksum-crc32': crc32 } : {}),
  });
}

async function createUpload({
  request,
  response,
  objects,
  bucket,
  key,
  name,
}: SinkRequest): Promise<void> {
  await readBody(request, 0);
  const uploadId = nextEtag().slice(0, 32);
  objects.uploads.set(uploadId, { key: name, headers: keptHeaders(request), parts: new Map() });
  document(response, 'InitiateMultipartUploadResult', {
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
  });
}

async function completeUpload({
  request,
  response,
  objects,
  bucket,
  key,
  name,
  query,
}: SinkRequest): Promise<void> {
  await readBody(request, 0);
  if (request.headers['if-none-match'] === '*' && objects.stored.has(name))
    return fail(response, 412, 'PreconditionFailed');
  const object = complete(objects, query.get('uploadId') ?? '');
  if (object === undefined) return fail(response, 404, 'NoSuchUpload');
  objects.stored.set(name, object);
  document(response, 'CompleteMultipartUploadResult', {
    Bucket: bucket,
    Key: key,
    ETag: `"${object.etag}"`,
  });
}

async function abortUpload({ response, objects, query }: SinkRequest): Promise<void> {
  objects.uploads.delete(query.get('uploadId') ?? '');
  answer(response, 204, {});
}

async function getObject({
  request,
  response,
  objects,
  counts,
  name,
  key,
}: SinkRequest): Promise<void> {
  const object = objects.stored.get(name);
  if (object === undefined) return fail(response, 404, 'NoSuchKey');
  const [first, last] = rangeOf(request.headers.range, object.bytes);
  const isPart = request.headers.range !== undefined;
  if (first >= object.bytes && isPart) return fail(response, 416, 'InvalidRange');
  response.writeHead(isPart ? 206 : 200, {
    ...object.headers,
    'content-length': last - first + 1,
    'accept-ranges': 'bytes',
    'last-modified': object.modifiedAt.toUTCString(),
    etag: `"${object.etag}"`,
    ...(isPart ? { 'content-range': `bytes ${first}-${last}/${object.bytes}` } : {}),
  });
  if (request.method === 'HEAD') return void response.end();
  if (object.chunks === undefined) throw new Error(`the body of ${key} was discarded`);
  await send(response, object, [first, last + 1], (bytes) => countOut(counts, key, bytes));
}

/** Writes a range of an object, no faster than the client reads. */
async function send(
  response: ServerResponse,
  object: SinkObject,
  [from, to]: readonly [number, number],
  onSent: (bytes: number) => void,
): Promise<void> {
  let at = 0;
  for (const chunk of object.chunks ?? []) {
    const [start, end] = [Math.max(from - at, 0), Math.min(to - at, chunk.length)];
    at += chunk.length;
    if (start >= end) continue;
    if (response.destroyed) return;
    onSent(end - start);
    if (!response.write(chunk.subarray(start, end))) await drained(response);
    if (at >= to) break;
  }
  response.end();
}

const drained = (response: ServerResponse) =>
  new Promise<void>((resolve) => {
    const go = () => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.once('drain', go).once('close', go);
  });

async function deleteObject({ response, objects, name }: SinkRequest): Promise<void> {
  objects.stored.delete(name);
  answer(response, 204, {});
}

async function deleteObjects({ request, response, objects, bucket }: SinkRequest): Promise<void> {
  const { chunks = [] } = await readBody(request, Number.POSITIVE_INFINITY);
  for (const [, key = ''] of Buffer.concat(chunks)
    .toString()
    .matchAll(/<Key>(.*?)<\/Key>/gs))
    objects.stored.delete(`${bucket}/${key.replaceAll('&amp;', '&')}`);
  document(response, 'DeleteResult', {});
}

async function listObjects({ response, objects, bucket, query }: SinkRequest): Promise<void> {
  const prefix = query.get('prefix') ?? '';
  const after =
    query.get('continuation-token') ?? query.get('start-after') ?? query.get('marker') ?? '';
  const max = Number(query.get('max-keys') ?? 1000);
  const found = list(objects, bucket, {
    prefix,
    delimiter: query.get('delimiter') ?? '',
    after,
    max,
  });
  const encode = (text: string) =>
    query.get('encoding-type') === 'url' ? encodeURIComponent(text) : text;
  const contents = found.keys.map((key): Xml => {
    const object = objects.stored.get(`${bucket}/${key}`);
    return {
      Key: encode(key),
      LastModified: object?.modifiedAt ?? new Date(0),
      ETag: `"${object?.etag ?? ''}"`,
      Size: object?.bytes ?? 0,
      StorageClass: 'STANDARD',
    };
  });
  document(response, 'ListBucketResult', {
    Name: bucket,
    Prefix: encode(prefix),
    KeyCount: found.keys.length + found.prefixes.length,
    MaxKeys: max,
    IsTruncated: found.next !== undefined,
    ...(query.has('encoding-type') ? { EncodingType: 'url' } : {}),
    ...(found.next === undefined
      ? {}
      : { NextContinuationToken: found.next, NextMarker: encode(found.next) }),
    Contents: contents,
    CommonPrefixes: found.prefixes.map((one): Xml => ({ Prefix: encode(one) })),
  });
}

async function listUploads({ response, bucket }: SinkRequest): Promise<void> {
  document(response, 'ListMultipartUploadsResult', { Bucket: bucket, IsTruncated: false });
}

/** Every bucket exists and can be created again. */
async function bucketExists({ request, response }: SinkRequest): Promise<void> {
  await readBody(request, 0);
  if (request.method === 'GET') return document(response, 'LocationConstraint', 'us-east-1');
  answer(response, 200, {});
}

function keptHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      (name.startsWith('x-amz-meta-') || name === 'content-type') && typeof value === 'string'
        ? [[name, value]]
        : [],
    ),
  );
}

/** The first and last byte of a range; the whole object without a header. */
export function rangeOf(header: string | undefined, bytes: number): [first: number, last: number] {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return [0, bytes - 1];
  if (first === '') return [Math.max(0, bytes - Number(last)), bytes - 1];
  return [Number(first), last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)];
}
