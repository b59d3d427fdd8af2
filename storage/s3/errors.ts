import { type ErrorCode, messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';

/** Fields of the SDK's errors. Network errors have none of them. */
export interface S3Failure {
  readonly name: string;
  readonly status: number | undefined;
  /** How often the request was sent; 1 when the SDK does not say. */
  readonly attempts: number;
}

export function failureOf(error: unknown): S3Failure {
  const { name = 'Error', $metadata } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as {
    name?: string;
    $metadata?: { httpStatusCode?: number; attempts?: number };
  };
  return { name, status: $metadata?.httpStatusCode, attempts: $metadata?.attempts ?? 1 };
}

/** Checked before the status: HTTP 404 can mean a missing bucket or a missing key. */
const CODE_OF_NAME: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: 'storage/not-found',
  PreconditionFailed: 'storage/exists',
  ConditionalRequestConflict: 'storage/exists',
  CredentialsProviderError: 'storage/denied',
  ExpiredToken: 'storage/denied',
  InvalidToken: 'storage/denied',
  RequestTimeTooSkewed: 'storage/denied',
  EntityTooLarge: 'storage/too-large',
  RequestTimeout: 'storage/unavailable',
  SlowDown: 'storage/unavailable',
  TimeoutError: 'storage/unavailable',
};

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'storage/denied',
  403: 'storage/denied',
  404: 'storage/not-found',
  409: 'storage/exists',
  412: 'storage/exists',
  413: 'storage/too-large',
  429: 'storage/unavailable',
};

/** The StowageError for an error of the SDK, after all its retries. */
export function s3Error(
  error: unknown,
  doing: string,
  bucket: string,
  object?: string,
): StowageError {
  if (error instanceof StowageError) return error;
  const { name, status } = failureOf(error);
  return new StowageError(codeOf(name, status), `${doing} failed: ${describe(error, bucket)}`, {
    cause: error,
    where: object === undefined ? {} : { object },
  });
}

function codeOf(name: string, status: number | undefined): ErrorCode {
  const known = CODE_OF_NAME[name] ?? (status === undefined ? undefined : CODE_OF_STATUS[status]);
  if (known !== undefined) return known;
  // No status: there was no response (refused, reset, unknown host, untrusted certificate).
  if (status === undefined || status >= 500) return 'storage/unavailable';
  return 'storage/invalid';
}

function describe(error: unknown, bucket: string): string {
  const { name, status, attempts } = failureOf(error);
  if (name === 'NoSuchBucket') return `bucket ${bucket} does not exist`;
  if (name === 'NoSuchKey' || (name === 'NotFound' && status === 404))
    return 'the object does not exist';
  if (name === 'PreconditionFailed') return 'the object already exists';
  // A response to HEAD has no body, so it has no reason.
  const message = name === 'Unknown' ? 'the server gave no reason' : messageOf(error);
  const reason = ['', name, 'UnknownError'].includes(message)
    ? name
    : name === 'Error' || name === 'AggregateError'
      ? message
      : `${name}: ${message}`;
  const notes = [status && `HTTP ${status}`, attempts > 1 && plural(attempts, 'attempt')].filter(
    Boolean,
  );
  return notes.length === 0 ? reason : `${reason} (${notes.join(', ')})`;
}
