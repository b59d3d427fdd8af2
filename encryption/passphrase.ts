import { messageOf, StowageError } from '../backup-set/base/errors.ts';
import { loadAge } from './age.ts';

/** Gets the passphrase of a file. */
export type AskPassphrase = (file: string) => Promise<string>;

const BINARY = 'age-encryption.org/v1';
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';

/** As `age -p` writes it. */
export function isEncryptedFile(bytes: Buffer): boolean {
  return [BINARY, ARMOR].some((start) => bytes.toString('latin1', 0, 100).trim().startsWith(start));
}

/** An identity file, encrypted with a passphrase: age's scrypt recipient. */
export async function sealedFile(text: string, passphrase: string): Promise<string> {
  const { armor, Encrypter } = await loadAge();
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  return armor.encode(await encrypter.encrypt(text));
}

/**
 * The text of an identity file that is encrypted with a passphrase.
 * @throws StowageError `encryption/identity` also for a wrong passphrase.
 */
export async function openedFile(
  file: string,
  bytes: Buffer,
  ask: AskPassphrase | undefined,
): Promise<string> {
  const refused = (message: string, cause?: unknown) =>
    new StowageError('encryption/identity', `${file} ${message}`, {
      cause,
      where: { field: 'encryption.identityFile' },
    });
  if (ask === undefined) throw refused('is encrypted with a passphrase, which nothing gives here');
  const { armor, Decrypter } = await loadAge();
  const isBinary = bytes.toString('latin1', 0, BINARY.length) === BINARY;
  try {
    const decrypter = new Decrypter();
    decrypter.addPassphrase(await ask(file));
    return await decrypter.decrypt(isBinary ? bytes : armor.decode(bytes.toString()), 'text');
  } catch (cause) {
    if (cause instanceof StowageError) throw cause;
    const isOther = messageOf(cause).startsWith('no identity matched');
    throw refused(
      isOther
        ? 'cannot be opened: its passphrase is another one, or it is encrypted for another identity'
        : `cannot be opened: it is damaged (${messageOf(cause)})`,
      cause,
    );
  }
}
