import { StowageError } from '../backup-set/base/errors.ts';
import { loadAge } from './age.ts';
import { runIdentityCommand } from './identity-command.ts';
import type { Kms } from './kms/kms.ts';
import { type AskPassphrase, isEncryptedFile, openedFile } from './passphrase.ts';
import { readPrivateFile } from './private-file.ts';
import type { EncryptionSettings } from './settings.ts';

/** A secret key of age, and the recipient that it belongs to. */
export interface AgeIdentity {
  readonly secret: string;
  readonly recipient: string;
  /** The file or program that it came from, for messages. */
  readonly from: string;
}

/** What a program has to open wrapped keys. */
export interface Identities {
  readonly age: readonly AgeIdentity[];
  readonly kms?: Kms | undefined;
}

export interface IdentitySources {
  readonly signal?: AbortSignal | undefined;
  /** For files that are encrypted with a passphrase; absent: such files are refused. */
  readonly passphrase?: AskPassphrase | undefined;
  readonly kms?: Kms | undefined;
}

/**
 * The identities that a configuration names: those of its files; without a file, those that its
 * program prints; and its key of KMS.
 * @throws StowageError `encryption/identity` when one of them cannot be read or used.
 */
export async function identitiesFrom(
  settings: EncryptionSettings | undefined,
  { signal, passphrase, kms }: IdentitySources = {},
): Promise<Identities> {
  const { identityFile = [], identityCommand } = settings ?? {};
  const files = [identityFile].flat();
  const age: AgeIdentity[] = [];
  for (const file of files) {
    const bytes = await readPrivateFile(file);
    const text = isEncryptedFile(bytes)
      ? await openedFile(file, bytes, passphrase)
      : bytes.toString();
    age.push(...(await parseIdentities(text, file)));
  }
  if (files.length === 0 && identityCommand !== undefined) {
    const text = await runIdentityCommand(identityCommand, signal);
    age.push(...(await parseIdentities(text, `the output of ${identityCommand[0]}`)));
  }
  return { age, ...(settings?.kms !== undefined && { kms }) };
}

/**
 * The identities in the text of an identity file. A message names the line, never its text.
 * @throws StowageError `encryption/identity`.
 */
export async function parseIdentities(text: string, from: string): Promise<AgeIdentity[]> {
  const where = { field: 'encryption.identityFile' };
  const { Decrypter, identityToRecipient } = await loadAge();
  const found: AgeIdentity[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const secret = line.trim();
    if (secret === '' || secret.startsWith('#')) continue;
    try {
      if (!secret.startsWith('AGE-SECRET-KEY-1')) throw new Error('another kind of identity');
      new Decrypter().addIdentity(secret);
      found.push({ secret, recipient: await identityToRecipient(secret), from });
    } catch {
      // Without a cause: its message could have a part of the secret.
      const message = `${from}: line ${at + 1} ${wrong(secret)}`;
      throw new StowageError('encryption/identity', message, { where });
    }
  }
  if (found.length > 0) return found;
  throw new StowageError('encryption/identity', `${from} has no identity (AGE-SECRET-KEY-1…)`, {
    where,
  });
}

function wrong(secret: string): string {
  if (secret.startsWith('age1'))
    return 'is a recipient, which is public and opens nothing: an identity begins with AGE-SECRET-KEY-1';
  if (secret.startsWith('AGE-SECRET-KEY-1'))
    return 'is an identity with a wrong checksum: a character is missing or wrong';
  if (/^(AGE-PLUGIN-|AGE-SECRET-KEY-PQ-|-----BEGIN)/.test(secret))
    return 'is an identity of a kind that is not supported: use an X25519 identity (AGE-SECRET-KEY-1…)';
  return 'is not an identity (AGE-SECRET-KEY-1…)';
}
