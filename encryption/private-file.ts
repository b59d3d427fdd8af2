import { open } from 'node:fs/promises';
import { messageOf, StowageError } from '../backup-set/base/errors.ts';

const BYTES_MAX = 1024 * 1024;

/**
 * The text of a file with a secret. As libpq with a client's key, refuses a file that other users
 * may read: 0600, or 0640 of root.
 * @throws StowageError `encryption/identity`.
 */
export async function readPrivateFile(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw refused(`${path} cannot be read (${messageOf(cause)})`, cause);
  }
  await using opened = file;
  const found = await opened.stat();
  if (found.isDirectory()) throw refused(`${path} is a directory`);
  const mode = found.mode & 0o777;
  const allowed = found.uid === 0 && process.geteuid?.() !== 0 ? 0o740 : 0o700;
  if (found.isFile() && (mode & ~allowed) !== 0)
    throw refused(
      `${path} can be read or written by other users (mode ${mode.toString(8).padStart(4, '0')}): chmod 600 ${path}`,
    );
  if (found.size > BYTES_MAX) throw refused(`${path} has ${found.size} bytes: it is too large`);
  return opened.readFile('utf8');
}

function refused(message: string, cause?: unknown): StowageError {
  return new StowageError('encryption/identity', message, { cause });
}
