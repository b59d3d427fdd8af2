/** Error codes of S3 servers that mean "send less": AWS, Ceph, MinIO, and gateways of clouds. */
const THROTTLING = new Set([
  'BandwidthLimitExceeded',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'ServiceUnavailable',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'TooManyRequestsException',
  'XMinioServerBusy',
]);

interface Failure {
  readonly name?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

/**
 * True when an S3 server asks for fewer requests: HTTP 429, or an error code that says so. A 503
 * without a code is the server's own when it has the id that S3 servers give each request (a HEAD
 * has no body), or when the server has just asked for less (`isSlow`). Other 503s are those of a
 * gateway whose server is down: they are retried like a reset connection, not for minutes.
 */
export function isThrottling(error: unknown, isSlow = false): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name = '', $metadata } = error as Failure;
  const status = $metadata?.httpStatusCode;
  if (status === 429) return true;
  if (THROTTLING.has(name)) return status === undefined || status >= 500 || status < 300;
  const isNamed = !UNNAMED.test(name);
  return status === 503 && !isNamed && ($metadata?.requestId !== undefined || isSlow);
}

/** What the SDK calls an error without a code. */
const UNNAMED = /^(|Error|Unknown|UnknownError|SyntaxError|\d{3})$/;
