import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { backOff } from '../../../async/backoff.ts';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { S3Settings } from '../../settings.ts';
import { failureOf } from '../errors.ts';

/** The digests that a PutObject or an UploadPart carries. */
export interface Digests {
  /** x-amz-checksum-crc32. Needs almost no CPU. */
  readonly crc32: boolean;
  /** Content-MD5: every server knows it, but it doubles the CPU time of an upload. */
  readonly md5: boolean;
}

export const NO_DIGESTS: Digests = { crc32: false, md5: false };
const CRC32: Digests = { crc32: true, md5: false };
const MD5: Digests = { crc32: false, md5: true };
/** What a server asks for replaces what it accepts with less work. */
const BY_COST = [NO_DIGESTS, CRC32, MD5];

/** What the requests of one connection carry, and what its server has asked for. */
export interface DigestPolicy {
  current(): Promise<Digests>;
  /** @returns true when the error asks for other digests than were sent. They are then current. */
  learn(error: unknown, sent: Digests): boolean;
}

/** @param whenSupported whether the SDK's settings ask for checksums that are not required. */
export function digestPolicy(
  setting: NonNullable<S3Settings['checksums']>,
  whenSupported: () => Promise<boolean>,
): DigestPolicy {
  let learned: Digests | undefined;
  return {
    async current() {
      if (learned !== undefined) return learned;
      if (setting !== 'auto') return setting === 'required' ? CRC32 : NO_DIGESTS;
      return (await whenSupported()) ? CRC32 : NO_DIGESTS;
    },
    learn(error, sent) {
      const next = setting === 'never' ? undefined : digestsAfter(error, sent);
      if (next === undefined) return false;
      // Several requests may be refused at once: the first must not undo what the last has learned.
      if (BY_COST.indexOf(next) > BY_COST.indexOf(learned ?? NO_DIGESTS)) learned = next;
      return true;
    },
  };
}

/** The digests to send after an error; undefined when the error is about something else. */
export function digestsAfter(error: unknown, sent: Digests): Digests | undefined {
  if (asksForDigest(error)) {
    const namesChecksum = /x-amz-checksum/i.test(messageOf(error));
    if (namesChecksum && !sent.crc32 && !sent.md5) return CRC32;
    return sent.md5 ? undefined : MD5;
  }
  return sent.crc32 && rejectsChecksum(error) ? MD5 : undefined;
}

/** AWS and MinIO for a bucket with a default retention, and older servers. */
function asksForDigest(error: unknown): boolean {
  const { name, status } = failureOf(error);
  if (['MissingContentMD5', 'MissingDigest'].includes(name)) return true;
  const message = messageOf(error);
  return status === 400 && /content-md5|x-amz-checksum/i.test(message) && /required/i.test(message);
}

/** Servers that know no checksums, such as Backblaze B2 before 2025: "Unsupported header". */
export function rejectsChecksum(error: unknown): boolean {
  const { name, status } = failureOf(error);
  if (name === 'NotImplemented') return true;
  return status === 400 && !isMismatch(error) && /checksum/i.test(messageOf(error));
}

/** Different bytes arrived than were sent. */
const MISMATCHES = [
  'BadDigest',
  'InvalidDigest',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
];
const MISMATCHES_MAX = 3;

const isMismatch = (error: unknown): boolean => MISMATCHES.includes(failureOf(error).name);

/** The fields of PutObject and of UploadPart. */
export interface DigestFields {
  ChecksumCRC32?: string;
  ContentMD5?: string;
}

/** Bytes to send, and which digests they need. */
export interface Sending {
  readonly bytes: Uint8Array;
  readonly doing: string;
  readonly signal?: AbortSignal | undefined;
  digests(): Promise<Digests>;
  learn(error: unknown, sent: Digests): boolean;
}

/**
 * Sends bytes with their digests. Sends them again with other digests when the server asks for
 * them, and a few times when other bytes have arrived. A digest is computed once: bytes that change
 * in the memory of this host are rejected, not sent with a new digest.
 */
export async function sendBytes<T>(
  { bytes, doing, signal, digests, learn }: Sending,
  send: (fields: DigestFields) => Promise<T>,
): Promise<T> {
  const computed: DigestFields = {};
  for (let mismatches = 0; ; ) {
    const wanted = await digests();
    try {
      return await send(fieldsOf(bytes, wanted, computed));
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      if (isMismatch(cause) && ++mismatches < MISMATCHES_MAX) {
        await backOff(mismatches + 1, signal, doing);
        continue;
      }
      if (!learn(cause, wanted)) throw error;
    }
  }
}

function fieldsOf(bytes: Uint8Array, digests: Digests, computed: DigestFields): DigestFields {
  if (digests.crc32) computed.ChecksumCRC32 ??= crc32Base64(bytes);
  if (digests.md5) computed.ContentMD5 ??= createHash('md5').update(bytes).digest('base64');
  const { ChecksumCRC32, ContentMD5 } = computed;
  return {
    ...(digests.crc32 && ChecksumCRC32 !== undefined && { ChecksumCRC32 }),
    ...(digests.md5 && ContentMD5 !== undefined && { ContentMD5 }),
  };
}

function crc32Base64(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString('base64');
}
