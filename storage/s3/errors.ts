import { type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { describeFailure, type S3Failure } from './describe-failure.ts';

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
  NotImplemented: 'storage/invalid',
};

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'storage/denied',
  403: 'storage/denied',
  404: 'storage/not-found',
  409: 'storage/exists',
  412: 'storage/exists',
  413: 'storage/too-large',
  429: 'storage/unavailable',
  501: 'storage/invalid',
};

/** The StowageError for an error of the SDK, after all its retries. */
export function s3Error(
  error: unknown,
  doing: string,
  bucket: string,
  object?: string,
  now = new Date(),
): StowageError {
  if (error instanceof StowageError) return error;
  const failure = failureOf(error);
  const reason = describeFailure(error, failure, bucket, now);
  return new StowageError(codeOf(failure.name, failure.status), `${doing} failed: ${reason}`, {
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
