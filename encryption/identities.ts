import { Decrypter, identityToRecipient } from 'age-encryption';
import { StowageError } from '../backup-set/base/errors.ts';
import type { Kms } from './kms/kms.ts';
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

/**
 * The identities that a configuration names.
 * @throws StowageError `encryption/identity` when one of them cannot be read or used.
 */
export async function identitiesFrom(
  settings: EncryptionSettings | undefined,
): Promise<Identities> {
  const files = [settings?.identityFile ?? []].flat();
  const found: AgeIdentity[] = [];
  for (const file of files)
    found.push(...(await parseIdentities(await readPrivateFile(file), file)));
  return { age: found };
}

/**
 * The identities in the text of an identity file. A message names the line, never its text.
 * @throws StowageError `encryption/identity`.
 */
export async function parseIdentities(text: string, from: string): Promise<AgeIdentity[]> {
  const found: AgeIdentity[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const secret = line.trim();
    if (secret === '' || secret.startsWith('#')) continue;
    try {
      new Decrypter().addIdentity(secret);
      found.push({ secret, recipient: await identityToRecipient(secret), from });
    } catch (cause) {
      throw new StowageError('encryption/identity', `${from}: line ${at + 1} ${wrong(secret)}`, {
        cause,
        where: { field: 'identityFile' },
      });
    }
  }
  if (found.length > 0) return found;
  throw new StowageError('encryption/identity', `${from} has no identity (AGE-SECRET-KEY-1…)`, {
    where: { field: 'identityFile' },
  });
}

function wrong(secret: string): string {
  if (secret.startsWith('age1'))
    return 'is a recipient, which is public and opens nothing: an identity begins with AGE-SECRET-KEY-1';
  if (secret.startsWith('AGE-SECRET-KEY-1'))
    return 'is an identity with a wrong checksum: a character is missing or wrong';
  return 'is not an identity (AGE-SECRET-KEY-1…)';
}
