/** What the server sends. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Thrown by an operation that the server refuses. */
export class Refused extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super(`HTTP ${answer.status}`);
    this.answer = answer;
  }
}

/** S3's errors by code: HTTP status and message, as AWS words them. */
const ERRORS = {
  AccessDenied: [403, 'Access Denied'],
  BadDigest: [400, 'The Content-MD5 or checksum you specified did not match what we received.'],
  EntityTooSmall: [400, 'Your proposed upload is smaller than the minimum allowed size'],
  ExpiredToken: [400, 'The provided token has expired.'],
  InternalError: [500, 'We encountered an internal error. Please try again.'],
  InvalidAccessKeyId: [403, 'The AWS Access Key Id you provided does not exist in our records.'],
  InvalidDigest: [400, 'The Content-MD5 you specified is not valid.'],
  InvalidPart: [400, 'One or more of the specified parts could not be found.'],
  InvalidRange: [416, 'The requested range is not satisfiable'],
  InvalidRequest: [400, 'Invalid request.'],
  InvalidToken: [400, 'The provided token is malformed or otherwise invalid.'],
  MissingContentMD5: [400, 'Missing required header for this request: Content-MD5.'],
  NoSuchBucket: [404, 'The specified bucket does not exist'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  NoSuchUpload: [404, 'The specified upload does not exist.'],
  NotImplemented: [501, 'A header you provided implies functionality that is not implemented'],
  PreconditionFailed: [412, 'At least one of the pre-conditions you specified did not hold'],
  RequestTimeTooSkewed: [
    403,
    "The difference between the request time and the server's time is too large.",
  ],
  ServiceUnavailable: [503, 'Service is unable to handle request.'],
  SignatureDoesNotMatch: [
    403,
    'The request signature we calculated does not match the signature you provided.',
  ],
  SlowDown: [503, 'Please reduce your request rate.'],
  XAmzContentSHA256Mismatch: [
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ],
} as const;

export type ErrorName = keyof typeof ERRORS;

/** @param more elements of the body beside code and message, such as `<ServerTime>`. */
export function errorAnswer(code: ErrorName, message?: string, more = ''): Answer {
  const [status, text] = ERRORS[code];
  const inner = `<Code>${code}</Code><Message>${escapeXml(message ?? text)}</Message>${more}`;
  return xml(`<Error>${inner}<RequestId>STRICT</RequestId></Error>`, status);
}

export const refused = (code: ErrorName, message?: string, more?: string): Refused =>
  new Refused(errorAnswer(code, message, more));

export function xml(content: string, status = 200): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${content}`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** 301: the bucket is in another region. */
export function redirectAnswer(region: string): Answer {
  const message =
    'The bucket you are attempting to access must be addressed using the specified endpoint.';
  const endpoint = `strict.s3.${region}.amazonaws.com`;
  const inner = `<Code>PermanentRedirect</Code><Message>${message}</Message><Endpoint>${endpoint}</Endpoint>`;
  return {
    ...xml(`<Error>${inner}</Error>`, 301),
    headers: { 'content-type': 'application/xml', 'x-amz-bucket-region': region },
  };
}

/** The page of a gateway in front of the store. */
export function gatewayAnswer(status: number, title: string, server = 'nginx/1.24.0'): Answer {
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>${server}</center>\r\n</body>\r\n</html>\r\n`;
  return { status, headers: { 'content-type': 'text/html', server }, body };
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The texts of all elements of one name, in order. */
export function elements(body: string, name: string): string[] {
  const found = body.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'));
  return Array.from(found, ([, text = '']) => unescapeXml(text));
}

const unescapeXml = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replace(/&#x?(\w+);/g, (whole, code: string) =>
      String.fromCodePoint(Number.parseInt(code, whole.startsWith('&#x') ? 16 : 10)),
    )
    .replaceAll('&amp;', '&');
