import { createHash, createHmac } from 'node:crypto';

/** 192 bits: rows are left out of a set because two digests are equal (design note 21). */
export const DIGEST_BYTES = 24;

const hashing = (key: Uint8Array | undefined) =>
  key === undefined ? createHash('sha256') : createHmac('sha256', key);

/**
 * The digest of the rows of a frame, before compression.
 * @param key of an encrypted set: without it, a digest does not tell which rows it is of.
 */
export function digestOf(rows: Uint8Array, key?: Uint8Array): Buffer {
  return hashing(key).update(rows).digest().subarray(0, DIGEST_BYTES);
}

/** As documents have it. */
export const digestText = (digest: Buffer) => digest.toString('base64url');

/** For rows that do not fit into memory. */
export function digesting(key?: Uint8Array): {
  update: (chunk: Uint8Array) => void;
  end: () => Buffer;
} {
  const hash = hashing(key);
  return {
    update: (chunk) => void hash.update(chunk),
    end: () => hash.digest().subarray(0, DIGEST_BYTES),
  };
}
