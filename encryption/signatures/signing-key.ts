import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { StowageError } from '../../backup-set/base/errors.ts';
import { readPrivateFile } from '../private-file.ts';
import { publicText, secretText, seedOf } from './public-keys.ts';

/** The field of stowage.yaml that names the file. */
export const SIGNING_KEY_FIELD = 'shippers.signingKeyFile';

/** With it a command signs what agents obey. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** `stowagesign1…`, which agents name in `signedBy`. */
  readonly publicKey: string;
}

/** RFC 8410: what stands before the seed in a private key of Ed25519. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

/** A new key, as the text of its file. */
export function newSigningKey(madeAt: Date): { readonly text: string; readonly publicKey: string } {
  const seed = randomBytes(SEED_BYTES);
  const { publicKey } = signingKeyOf(seed);
  const lines = [`# created: ${madeAt.toISOString()}`, `# public key: ${publicKey}`];
  return { text: `${[...lines, secretText(seed)].join('\n')}\n`, publicKey };
}

/**
 * The key with which a command signs its orders.
 * @throws StowageError `config/invalid` naming the field; never with a part of the key.
 */
export async function readSigningKey(path: string): Promise<SigningKey> {
  const use = { code: 'config/invalid', field: SIGNING_KEY_FIELD } as const;
  const text = (await readPrivateFile(path, use)).toString();
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const [secret = '', ...more] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const seed = more.length === 0 ? seedOf(secret) : undefined;
  if (seed !== undefined) return signingKeyOf(seed);
  throw new StowageError(
    'config/invalid',
    `${SIGNING_KEY_FIELD}: ${path} is not a signing key (one line STOWAGE-SIGNING-KEY-1…, which \`stowage key new --signing-key FILE\` writes)`,
    { where: { field: SIGNING_KEY_FIELD } },
  );
}

function signingKeyOf(seed: Uint8Array): SigningKey {
  const key = Buffer.concat([PKCS8, seed]);
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: publicText(Buffer.from(x, 'base64url')) };
}
