import { type Answer, errorAnswer, refused } from './answers.ts';
import { listObjects, listUploads } from './lists.ts';
import { copyObject, deleteObject, deleteObjects, getObject, putObject } from './objects.ts';
import type { Exchange } from './state.ts';
import { serverTime } from './state.ts';
import { abortUpload, beginUpload, completeUpload, copyPart, uploadPart } from './uploads.ts';

/** AWS refuses a request that was signed more than 15 minutes from its own time. */
const SKEW_MS_MAX = 15 * 60_000;

/** Carries out one request, or throws `Refused`. */
export function execute(exchange: Exchange): Answer {
  checkIdentity(exchange);
  checkClock(exchange);
  const { state, bucket, key, method, accessKey } = exchange;
  if (!state.buckets.has(bucket)) throw refused('NoSuchBucket');
  const { writeOnlyKeys, readableToAll } = state.rules;
  const isHidden = writeOnlyKeys.has(accessKey) && readableToAll?.test(key) !== true;
  if (isHidden && ['GET', 'HEAD'].includes(method)) throw refused('AccessDenied');
  const isObject = key !== '' && ['GET', 'HEAD'].includes(method);
  if (isObject && state.rules.withheld?.(key) === true) throw refused('AccessDenied');
  return (key === '' ? onBucket(exchange) : onKey(exchange)) ?? errorAnswer('NotImplemented');
}

function onBucket(exchange: Exchange): Answer | undefined {
  const { method, query } = exchange;
  if (method === 'HEAD') return { status: 200 };
  if (method === 'GET' && query.has('list-type')) return listObjects(exchange);
  if (method === 'GET' && query.has('uploads')) return listUploads(exchange);
  if (method === 'POST' && query.has('delete')) return deleteObjects(exchange);
  return undefined;
}

function onKey(exchange: Exchange): Answer | undefined {
  const { method, query, headers } = exchange;
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  switch (method) {
    case 'GET':
    case 'HEAD':
      return getObject(exchange);
    case 'PUT':
      if (query.has('uploadId')) return isCopy ? copyPart(exchange) : uploadPart(exchange);
      return isCopy ? copyObject(exchange) : putObject(exchange);
    case 'POST':
      if (query.has('uploads')) return beginUpload(exchange);
      return query.has('uploadId') ? completeUpload(exchange) : undefined;
    case 'DELETE':
      return query.has('uploadId') ? abortUpload(exchange) : deleteObject(exchange);
    default:
      return undefined;
  }
}

function checkIdentity({ state, headers, accessKey }: Exchange): void {
  const { accessKeys, expiredTokens } = state.rules;
  if (accessKeys?.has(accessKey) === false) throw refused('InvalidAccessKeyId');
  const token = headers['x-amz-security-token'];
  if (token !== undefined && expiredTokens.has(String(token))) throw refused('ExpiredToken');
}

function checkClock({ state, headers }: Exchange): void {
  const [, date, time] = /^(\d{8})T(\d{6})Z$/.exec(String(headers['x-amz-date'] ?? '')) ?? [];
  if (!state.rules.refusesSkew || date === undefined || time === undefined) return;
  const day = date.replace(/(....)(..)(..)/, '$1-$2-$3');
  const signedAt = new Date(`${day}T${time.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`);
  const now = serverTime(state);
  if (Math.abs(now.getTime() - signedAt.getTime()) <= SKEW_MS_MAX) return;
  const times = `<RequestTime>${date}T${time}Z</RequestTime><ServerTime>${now.toISOString()}</ServerTime>`;
  throw refused('RequestTimeTooSkewed', undefined, times);
}
