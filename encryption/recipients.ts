import { bech32 } from '@scure/base';

const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;
const IDENTITY = /^\s*AGE-SECRET-KEY-/i;
/** A key id, an alias or an ARN, as KMS takes them. */
const KMS_KEY =
  /^(?:arn:[\w-]+:kms:[\w-]+:\d{12}:(?:key|alias)\/[\w/-]+|alias\/[\w/-]+|(?:mrk-)?[0-9a-f-]{32,36})$/;

/**
 * Why a text cannot be a recipient, as the end of a sentence that begins with its name; undefined
 * when it can. The message never has the text: it may be a secret.
 */
export function recipientProblem(text: string): string | undefined {
  if (IDENTITY.test(text))
    return 'is the secret key of an identity (AGE-SECRET-KEY-…), which opens the sets: give its recipient (age1…), which `age-keygen -y` prints, and make a new identity';
  if (
    /^age1(?:pq|tag|yubikey|plugin)/.test(text) ||
    /^(?:ssh-|age1[a-z0-9-]*1[a-z0-9]+$)/.test(text)
  )
    if (!RECIPIENT.test(text))
      return 'is a recipient of a kind that is not supported: use an X25519 recipient (age1…) of `stowage key new` or age-keygen';
  if (!RECIPIENT.test(text))
    return 'does not look like a recipient of age (age1… with 62 characters)';
  try {
    bech32.decodeToBytes(text);
    return undefined;
  } catch {
    return 'has a wrong checksum, so a character of the recipient is missing or wrong: copy it again';
  }
}

export const isKmsKey = (text: string) => KMS_KEY.test(text);
