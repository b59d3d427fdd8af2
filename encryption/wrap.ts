import { messageOf, StowageError } from '../backup-set/base/errors.ts';
import { loadAge } from './age.ts';
import type { Identities } from './identities.ts';
import { recipientProblem } from './recipients.ts';

/**
 * Bytes as a file of age, in its armor, that any one of the recipients opens.
 * @throws StowageError `encryption/recipient`.
 */
export async function wrapFor(
  recipients: string | readonly string[],
  bytes: Uint8Array,
): Promise<string> {
  const { armor, Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  for (const recipient of [recipients].flat()) {
    const problem = recipientProblem(recipient);
    if (problem !== undefined)
      throw new StowageError('encryption/recipient', `the recipient ${problem}`);
    encrypter.addRecipient(recipient);
  }
  return armor.encode(await encrypter.encrypt(bytes));
}

/**
 * What `wrapFor` wrapped; undefined when none of the identities is one of its recipients.
 * @throws StowageError `set/unreadable` when the text is damaged.
 */
export async function unwrap(
  { age }: Pick<Identities, 'age'>,
  text: string,
): Promise<Buffer | undefined> {
  if (age.length === 0) return undefined;
  const { armor, Decrypter } = await loadAge();
  const decrypter = new Decrypter();
  for (const { secret } of age) decrypter.addIdentity(secret);
  try {
    return Buffer.from(await decrypter.decrypt(armor.decode(text)));
  } catch (cause) {
    if (messageOf(cause).startsWith('no identity matched')) return undefined;
    throw new StowageError(
      'set/unreadable',
      `the wrapped key cannot be opened: it is damaged (${messageOf(cause)})`,
      { cause },
    );
  }
}
