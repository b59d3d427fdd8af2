import { createHash } from 'node:crypto';

/** 192 bits: rows are left out of a set because two digests are equal (design note 21). */
export const DIGEST_BYTES = 24;

/** The digest of the rows of a frame, before compression. */
export function digestOf(rows: Uint8Array): Buffer {
  return createHash('sha256').update(rows).digest().subarray(0, DIGEST_BYTES);
}

/** As documents have it. */
export const digestText = (digest: Buffer) => digest.toString('base64url');

/** For rows that do not fit into memory. */
export function digesting(): { update: (chunk: Uint8Array) => void; end: () => Buffer } {
  const hash = createHash('sha256');
  return {
    update: (chunk) => void hash.update(chunk),
    end: () => hash.digest().subarray(0, DIGEST_BYTES),
  };
}
