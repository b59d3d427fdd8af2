import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { refused } from './answers.ts';
import type { Exchange } from './state.ts';

const CHECKSUM = /^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/;

/** Refuses a body that differs from a digest that came with it. */
export function checkDigests({ headers, body }: Exchange): void {
  const md5 = headers['content-md5'];
  if (md5 !== undefined && Buffer.from(String(md5), 'base64').length !== 16)
    throw refused('InvalidDigest');
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64'))
    throw refused('BadDigest');
  const sum = crc32Of(headers);
  if (sum !== undefined && sum !== crc32Base64(body))
    throw refused('BadDigest', 'The CRC32 you specified did not match the calculated checksum.');
  const sha256 = String(headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD');
  if (sha256.startsWith('STREAMING-'))
    throw refused('NotImplemented', 'The strict server takes no chunked uploads.');
  const isSigned = sha256 !== 'UNSIGNED-PAYLOAD';
  if (isSigned && sha256 !== createHash('sha256').update(body).digest('hex'))
    throw refused('XAmzContentSHA256Mismatch');
}

/** Refuses a PutObject or an UploadPart without the digest that the rules demand. */
export function demandDigest({ state, headers }: Exchange, what: 'Object' | 'Part'): void {
  const { digest } = state.rules;
  if (digest === 'md5' && headers['content-md5'] === undefined) throw refused('MissingContentMD5');
  if (digest !== 'any' || hasDigest(headers)) return;
  const header = 'Content-MD5 OR x-amz-checksum- HTTP header is required';
  throw refused('InvalidRequest', `${header} for Put ${what} requests with Object Lock parameters`);
}

/** Refuses a DeleteObjects without the digest that the rules demand. */
export function demandDigestOfDelete({ state, headers }: Exchange): void {
  const { deleteDigest } = state.rules;
  if (deleteDigest === 'md5' && headers['content-md5'] === undefined)
    throw refused('MissingContentMD5');
  if (deleteDigest !== 'any' || hasDigest(headers)) return;
  const message = 'Missing required header for this request: Content-MD5 OR x-amz-checksum-*';
  throw refused('InvalidRequest', message);
}

function hasDigest(headers: Exchange['headers']): boolean {
  return headers['content-md5'] !== undefined || checksumName(headers) !== undefined;
}

/** The algorithm of the checksum that a request carries, in upper case. */
export function checksumName(headers: Exchange['headers']): string | undefined {
  const name = Object.keys(headers).find((header) => CHECKSUM.test(header));
  return name?.slice('x-amz-checksum-'.length).toUpperCase();
}

export function crc32Of(headers: Exchange['headers']): string | undefined {
  const found = headers['x-amz-checksum-crc32'];
  return found === undefined ? undefined : String(found);
}

export function crc32Base64(body: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}
