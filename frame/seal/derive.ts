import { createHmac, hkdfSync } from 'node:crypto';

/** All keys are for AES-256 or HMAC-SHA256 (docs/format.md, Encryption). */
export const KEY_BYTES = 32;

const NO_SALT = Buffer.alloc(0);

function derive(key: Uint8Array, info: string, salt: Uint8Array = NO_SALT, bytes = KEY_BYTES) {
  return Buffer.from(hkdfSync('sha256', key, salt, `stowage/1 ${info}`, bytes));
}

/** Seals the rows and files of one content of one set. Computed from the key of the set. */
export function contentKey(setKey: Uint8Array, timestamp: string, content: number): Buffer {
  return derive(setKey, `content ${timestamp} ${content}`);
}

/** Seals one object: a frame, or a file. */
export function objectKey(key: Uint8Array, salt: Uint8Array): Buffer {
  return derive(key, 'object', salt);
}

/** In the plan: shows that a key is the key of this set, and tells nothing about it. */
export function setKeyId(setKey: Uint8Array): string {
  return derive(setKey, 'set key id', NO_SALT, 16).toString('hex');
}

/** In the plan: digests of rows can be compared only under one digest key. */
export function digestKeyId(digestKey: Uint8Array): string {
  return derive(digestKey, 'digest key id', NO_SALT, 16).toString('hex');
}

/** For the digests of the rows of one content. */
export function contentDigestKey(digestKey: Uint8Array, content: number): Buffer {
  return derive(digestKey, `digest ${content}`);
}

/** The `mac` of a seal: of the bytes of the document without it. */
export function sealMac(setKey: Uint8Array, bytes: Uint8Array): string {
  return createHmac('sha256', derive(setKey, 'seal')).update(bytes).digest('hex');
}

/** The `mac` of the request of a restore: of the bytes of the document without it. */
export function requestMac(setKey: Uint8Array, bytes: Uint8Array): string {
  return createHmac('sha256', derive(setKey, 'restore request')).update(bytes).digest('hex');
}

/**
 * The `originalMac` of the seal of a conversion, under the key of the set that was converted: of
 * the bytes of the document without its macs.
 */
export function originalMac(originalKey: Uint8Array, bytes: Uint8Array): string {
  return createHmac('sha256', derive(originalKey, 'conversion')).update(bytes).digest('hex');
}

/**
 * The `coordinatorMac` of a seal: of the bytes of the document without both macs. The keys of
 * digests that shippers get do not give it.
 */
export function coordinatorMac(digestKey: Uint8Array, bytes: Uint8Array): string {
  return createHmac('sha256', derive(digestKey, 'coordinator seal')).update(bytes).digest('hex');
}
