import { randomBytes } from 'node:crypto';
import { FORMAT_VERSION } from '../backup-set/base/document.ts';
import { StowageError } from '../backup-set/base/errors.ts';
import type { SetKeyDocument, WrappedSetKey } from '../backup-set/documents/keys/set-key.ts';
import { KEY_BYTES, setKeyId } from '../frame/seal/derive.ts';
import type { Kms } from './kms/kms.ts';
import type { EncryptionSettings } from './settings.ts';
import { wrapFor } from './wrap.ts';

/** The set that a key belongs to. `root` is that of its plan, which a copy of the set keeps. */
export interface KeyedSet {
  readonly timestamp: string;
  readonly root: string;
}

/** What wrapping needs of the outside. */
export interface WrapOptions {
  readonly wrappedAt: Date;
  readonly kms?: Kms | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type Recipients = Pick<EncryptionSettings, 'recipients' | 'kms'>;

/**
 * A new key for a set, or of a host, and the document that holds it for all recipients. The program
 * must forget the key when the backup ends: only an identity opens the document.
 * @throws StowageError `encryption/recipient`, `encryption/kms`.
 */
export async function makeSetKey(
  recipients: Recipients,
  set: Omit<WrappedKey, 'key'>,
  options: WrapOptions,
): Promise<{ readonly key: Buffer; readonly document: SetKeyDocument }> {
  const key = randomBytes(KEY_BYTES);
  return { key, document: await wrapSetKey(recipients, { ...set, key }, options) };
}

type WrappedKey = KeyedSet & {
  readonly key: Uint8Array;
  /** A key of a host: its document says in clear for which root it was wrapped. */
  readonly ofHost?: true | undefined;
};

/** @throws StowageError `encryption/recipient`, `encryption/kms`. */
export async function wrapSetKey(
  { recipients, kms: kmsKey }: Recipients,
  { timestamp, root, key, ofHost }: WrappedKey,
  { wrappedAt, kms, signal }: WrapOptions,
): Promise<SetKeyDocument> {
  const wrapped = Buffer.from(key).toString('base64');
  const line = Buffer.from(
    `${JSON.stringify({ timestamp, root, key: wrapped } satisfies WrappedSetKey)}\n`,
  );
  const sealed = kmsKey === undefined ? undefined : await byKms(kmsKey, line);
  return {
    format: 'stowage/set-key',
    version: FORMAT_VERSION,
    timestamp,
    keyId: setKeyId(key),
    ...(ofHost && { root }),
    wrappedAt: wrappedAt.toISOString(),
    recipients: [
      ...recipients.map((recipient) => ({ kind: 'age' as const, recipient })),
      ...(sealed === undefined ? [] : [{ kind: 'kms' as const, keyArn: sealed.keyArn }]),
    ],
    ...(recipients.length > 0 && { age: await wrapFor(recipients, line) }),
    ...(sealed !== undefined && { kms: [sealed] }),
  };

  async function byKms(name: string, plain: Uint8Array) {
    if (kms === undefined)
      throw new StowageError('encryption/kms', `there is no access to AWS KMS for the key ${name}`);
    return kms.encrypt(name, plain, { context: kmsContext({ timestamp, root }), signal });
  }
}

/** KMS gives the key only where the same set is named, and its log names the set. */
export const kmsContext = ({ timestamp, root }: KeyedSet) => ({ timestamp, root });
