import { messageOf } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';

/** Fields of the SDK's errors. Network errors have none of them. */
export interface S3Failure {
  readonly name: string;
  readonly status: number | undefined;
  /** How often the request was sent; 1 when the SDK does not say. */
  readonly attempts: number;
}

/** What the SDK keeps of an answer beside its name and status. */
interface Answered {
  /** Elements of the error's XML. */
  readonly Region?: string;
  readonly Endpoint?: string;
  readonly ServerTime?: string;
  /** The body when it is not S3's XML: the page of a gateway. */
  readonly $responseBodyText?: string;
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const SERVER_CHARS_MAX = 60;
const PAGE_CHARS_MAX = 120;
/** A page may be large, and its first words are near its start. */
const PAGE_READ_CHARS_MAX = 20_000;

/**
 * Why a request failed, and what to do.
 * @param now the clock of this host, for a server whose clock differs.
 */
export function describeFailure(
  error: unknown,
  failure: S3Failure,
  bucket: string,
  now: Date,
): string {
  const answered = (typeof error === 'object' && error !== null ? error : {}) as Answered;
  const server = answered.$response?.headers?.['server']?.slice(0, SERVER_CHARS_MAX);
  const known = knownReason(failure, answered, bucket, now, messageOf(error));
  if (known !== undefined) return known + notesOf(failure);
  if (answered.$responseBodyText !== undefined) {
    const words = firstWords(answered.$responseBodyText);
    const page = words === '' ? 'an empty page' : `“${words}”`;
    return `${server ?? 'a gateway'} answered ${page} instead of S3${notesOf(failure)}`;
  }
  const { name, status } = failure;
  if (name === 'Unknown') {
    // A response to HEAD has no body, so it has no reason.
    const guess =
      status === 400 ? '; an expired session token or a wrong region has this effect' : '';
    return `the server gave no reason${guess}${notesOf(failure, server)}`;
  }
  const message = messageOf(error);
  if (['', name, 'UnknownError'].includes(message)) return name + notesOf(failure);
  const isUnnamed = name === 'Error' || name === 'AggregateError';
  return (isUnnamed ? message : `${name}: ${message}`) + notesOf(failure);
}

function notesOf({ status, attempts }: S3Failure, server?: string): string {
  const notes = [
    status !== undefined && `HTTP ${status}`,
    server !== undefined && `server ${server}`,
    attempts > 1 && plural(attempts, 'attempt'),
  ].filter((note) => note !== false);
  return notes.length === 0 ? '' : ` (${notes.join(', ')})`;
}

function knownReason(
  { name, status }: S3Failure,
  answered: Answered,
  bucket: string,
  now: Date,
  message: string,
): string | undefined {
  const region = answered.Region ?? answered.$response?.headers?.['x-amz-bucket-region'];
  if (status === 301 || name === 'AuthorizationHeaderMalformed') {
    if (region !== undefined)
      return `bucket ${bucket} is in region ${region}. Set storage.region to ${region}`;
    if (answered.Endpoint !== undefined)
      return `bucket ${bucket} is at ${answered.Endpoint}. Set storage.endpoint to its URL`;
  }
  switch (name) {
    case 'NoSuchBucket':
      return `bucket ${bucket} does not exist. Create it, or correct root`;
    case 'NoSuchKey':
      return 'the object does not exist';
    case 'NotFound':
      return status === 404 ? 'the object does not exist' : undefined;
    case 'PreconditionFailed':
      return 'the object already exists';
    case 'NotImplemented':
      return `the server does not support this request: ${name}: ${message}`;
    case 'RequestTimeTooSkewed':
      return skewReason(answered.ServerTime ?? answered.$response?.headers?.['date'], now);
    case 'CredentialsProviderError':
      return `no credentials were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws, or run on a host with a role: ${message}`;
    case 'BadDigest':
    case 'XAmzContentSHA256Mismatch':
    case 'XAmzContentChecksumMismatch':
      return `the server received other bytes than were sent (${name}). Check the proxies on the way and the memory of this host: ${message}`;
    default:
      return keysReason(name) ?? digestReason(status, message);
  }
}

/** What is wrong with the credentials. The words of the server may contain the access key. */
function keysReason(name: string): string | undefined {
  switch (name) {
    case 'InvalidAccessKeyId':
      return `the server does not know the access key (${name}). Check AWS_ACCESS_KEY_ID or the profile in ~/.aws`;
    case 'SignatureDoesNotMatch':
      return `the secret key does not fit the access key (${name}). Check AWS_SECRET_ACCESS_KEY or the profile in ~/.aws; a proxy that changes headers has the same effect`;
    case 'ExpiredToken':
    case 'TokenRefreshRequired':
      return `the session token has expired (${name}). Get new credentials`;
    case 'InvalidToken':
      return `the session token is not valid (${name}). Get new credentials, or remove AWS_SESSION_TOKEN`;
    default:
      return undefined;
  }
}

function digestReason(status: number | undefined, message: string): string | undefined {
  if (status !== 400 || !/content-md5|x-amz-checksum/i.test(message)) return undefined;
  return `the server does not accept the digest of the request. Set storage.checksums to auto: ${message}`;
}

function skewReason(serverTime: string | undefined, now: Date): string {
  const server = new Date(serverTime ?? Number.NaN);
  if (Number.isNaN(server.getTime()))
    return 'the clock of this host differs too much from the clock of the server. Synchronize both';
  const minutes = Math.round(Math.abs(server.getTime() - now.getTime()) / 60_000);
  const times = `it is ${now.toISOString()} on this host and ${server.toISOString()} on the server`;
  return `the clocks differ by ${plural(minutes, 'minute')}: ${times}. Synchronize both (NTP)`;
}

/** The text of a page without markup. */
function firstWords(page: string): string {
  const text = page
    .slice(0, PAGE_READ_CHARS_MAX)
    .replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<title>[\s\S]*?<\/title>(?=[\s\S]*<h\d)/i, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return text.length <= PAGE_CHARS_MAX ? text : `${text.slice(0, PAGE_CHARS_MAX)}…`;
}
