import { createHash, sign, verify } from 'node:crypto';
import { PUBLIC_CHARS, publicKeyOf, publicKeyProblem } from './public-keys.ts';
import type { SigningKey } from './signing-key.ts';

/** Nothing else that Stowage signs, now or later, begins with this. */
const DOMAIN = 'stowage/1 order\n';
/** How every document ends (`encode`): these bytes follow the signed fields. */
const CLOSED = '}\n';
/** Of 64 bytes in base64. */
const SIGNATURE_CHARS = 88;
/** The fields with which a signed document ends: of one length, for any key. */
const END = /^,"signedBy":"(stowagesign1[a-z0-9]+)","signature":"([A-Za-z0-9+/]{86}==)"\}\n$/;
const END_CHARS = ',"signedBy":"","signature":""}\n'.length + PUBLIC_CHARS + SIGNATURE_CHARS;

/** Where a document lies. Its key names its kind, its set or restore, and its content. */
export interface Place {
  /** As command and agent name it. */
  readonly root: string;
  readonly key: string;
}

/**
 * What is signed. A signature is for one document at one place under one root: for another kind,
 * set, restore, content or root it is worth nothing.
 */
function statement({ root, key }: Place, signedBy: string, fields: Uint8Array): Buffer {
  const sha256 = createHash('sha256').update(fields).update(CLOSED).digest('hex');
  return Buffer.from(`${DOMAIN}${JSON.stringify({ root, key, signedBy, sha256 })}`);
}

/** The bytes of a document with its last two fields: the public key, and the signature. */
export function signedDocument(
  { privateKey, publicKey }: SigningKey,
  place: Place,
  document: Uint8Array,
): Uint8Array {
  const fields = document.subarray(0, -CLOSED.length);
  const signature = sign(null, statement(place, publicKey, fields), privateKey);
  const end = `,"signedBy":"${publicKey}","signature":"${signature.toString('base64')}"}\n`;
  return Buffer.concat([fields, Buffer.from(end)]);
}

export type Signed =
  | { readonly by: string }
  | {
      /** Why nothing is signed: the end of a sentence that begins with the name of the document. */
      readonly problem: string;
      /** The key that it names, which is none of the trusted ones. */
      readonly other?: string;
    };

/** Which of the trusted keys has signed a document at its place. */
export function signatureOf(trusted: readonly string[], place: Place, bytes: Uint8Array): Signed {
  const end = END.exec(Buffer.from(bytes.subarray(-END_CHARS)).toString('latin1'));
  const [, by = '', signature = ''] = end ?? [];
  if (end === null || publicKeyProblem(by) !== undefined) return { problem: 'it is not signed' };
  if (!trusted.includes(by)) return { problem: `it is signed by another key (${by})`, other: by };
  const value = Buffer.from(signature, 'base64');
  // The last character has bits that decoding ignores.
  const isTrue =
    value.toString('base64') === signature &&
    verify(null, statement(place, by, bytes.subarray(0, -END_CHARS)), publicKeyOf(by), value);
  return isTrue
    ? { by }
    : { problem: `its signature by ${by} is not of this document under the root ${place.root}` };
}
