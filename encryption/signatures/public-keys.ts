import { createPublicKey, type KeyObject } from 'node:crypto';
import { bech32 } from '@scure/base';

const PUBLIC = 'stowagesign';
const PUBLIC_FORM = /^stowagesign1[02-9ac-hj-np-z]{58}$/;
/** Public keys have one length: the end of a signed document has it, too. */
export const PUBLIC_CHARS = `${PUBLIC}1`.length + 58;
/** In upper case: a checksum of bech32 does not allow two cases. */
const SECRET = 'STOWAGE-SIGNING-KEY-';
const ED25519_BYTES = 32;

/** A public key as text, for `signedBy` of agents. */
export const publicText = (raw: Uint8Array) => bech32.encodeFromBytes(PUBLIC, raw);

/** The text of a secret key. */
export const secretText = (seed: Uint8Array) =>
  bech32.encodeFromBytes(SECRET.toLowerCase(), seed).toUpperCase();

/** The seed of a secret key; undefined when the text is none. */
export function seedOf(text: string): Buffer | undefined {
  return bytesOf(text.toLowerCase(), SECRET.toLowerCase());
}

/**
 * Why a text cannot be a public key, as the end of a sentence that begins with its name; undefined
 * when it can. The message never has the text: it may be a secret.
 */
export function publicKeyProblem(text: string): string | undefined {
  if (text.trim().toUpperCase().startsWith(SECRET))
    return 'is the secret signing key (STOWAGE-SIGNING-KEY-…), with which orders are made: give its public key (stowagesign1…), and make a new key';
  if (!PUBLIC_FORM.test(text))
    return `does not look like a public key (stowagesign1… with ${PUBLIC_CHARS} characters, which \`stowage key new --signing-key FILE\` prints)`;
  if (bytesOf(text, PUBLIC) === undefined)
    return 'has a wrong checksum, so a character of the public key is missing or wrong: copy it again';
  return undefined;
}

/** @param text without a problem. */
export function publicKeyOf(text: string): KeyObject {
  const x = Buffer.from(bech32.decodeToBytes(text).bytes).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
}

function bytesOf(text: string, prefix: string): Buffer | undefined {
  try {
    const decoded = bech32.decodeToBytes(text);
    if (decoded.prefix !== prefix || decoded.bytes.length !== ED25519_BYTES) return undefined;
    return Buffer.from(decoded.bytes);
  } catch {
    return undefined;
  }
}
