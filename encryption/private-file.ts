import { open } from 'node:fs/promises';
import { type ErrorCode, messageOf, StowageError } from '../backup-set/base/errors.ts';
import { hasSecretKey } from '../backup-set/messages/secrets.ts';

const BYTES_MAX = 1024 * 1024;

/** What a file is for: the code and field of the error when it cannot be used. */
export interface FileUse {
  readonly code: ErrorCode;
  readonly field: string;
}

const IDENTITY_FILE: FileUse = { code: 'encryption/identity', field: 'encryption.identityFile' };

/**
 * The bytes of a file with a secret. As libpq with the key of a client, refuses a file that other
 * users may use: 0600, or 0640 of root. A pipe has no mode.
 * @throws StowageError with the code of `use`.
 */
export async function readPrivateFile(path: string, use = IDENTITY_FILE): Promise<Buffer> {
  // The hint of this code speaks of a named value; those of other codes say which file is meant.
  const named = use.code === 'config/invalid' ? `${use.field}: ` : '';
  const refused = (message: string, cause?: unknown) =>
    new StowageError(use.code, `${named}${message}`, { cause, where: { field: use.field } });
  if (hasSecretKey(path))
    throw refused(
      'the name of the file is itself a secret key (AGE-SECRET-KEY-…, STOWAGE-SIGNING-KEY-…): write the key into a file of mode 0600, and name that. Make a new key if other users may have seen this one',
    );
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw refused(`${path} cannot be read (${messageOf(cause)})`, cause);
  }
  await using opened = file;
  const found = await opened.stat();
  if (found.isDirectory()) throw refused(`${path} is a directory`);
  const problem = modeProblem(found, process.geteuid?.());
  if (problem !== undefined) throw refused(`${path} ${problem}: chmod 600 ${path}`);
  if (found.size > BYTES_MAX) throw refused(`${path} has ${found.size} bytes: it is too large`);
  return opened.readFile();
}

/** Why other users may use a file; undefined when they may not. */
function modeProblem(
  file: { readonly mode: number; readonly uid: number; isFile(): boolean },
  euid: number | undefined,
): string | undefined {
  // A group may read what root gives it: files of packages, secrets of containers.
  const allowed = file.uid === 0 && euid !== 0 ? 0o740 : 0o700;
  const mode = file.mode & 0o777;
  if (!file.isFile() || (mode & ~allowed) === 0) return undefined;
  return `can be used by other users (mode ${mode.toString(8).padStart(4, '0')})`;
}
