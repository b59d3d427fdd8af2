import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StowageError } from '../../backup-set/base/errors.ts';
import { isErrno } from './errors.ts';

export const FILE_MODE = 0o640;
export const DIRECTORY_MODE = 0o750;

/** A `delete` elsewhere may remove the emptied folder between our mkdir and link; so often in a row it is no accident. */
const FOLDER_ATTEMPTS_MAX = 20;

/**
 * Gives a finished, synced temporary file its final name, unless that name is taken: the one atomic step of every
 * write. The temporary name is gone afterwards, whatever happened to it in between.
 * @throws StowageError `storage/exists`, or the system's error.
 */
export async function publish(
  temp: string,
  path: string,
  key: string,
  linkFile: typeof link = link,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await makeFolder(dirname(path));
    try {
      await linkOrClaim(temp, path, linkFile);
      break;
    } catch (error) {
      if (isErrno(error, 'EEXIST', 'EISDIR')) throw exists(key, error);
      if (!isErrno(error, 'ENOENT') || attempt >= FOLDER_ATTEMPTS_MAX) throw error;
      await assertNotAborted(temp, key, error);
    }
  }
  await unlink(temp).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
  await syncFolder(dirname(path));
}

/**
 * Where hard links are not supported (exFAT, some FUSE and CIFS mounts) the name is claimed by creating it empty, and
 * the finished file then replaces our own empty one. A reader may see the empty object for that moment, and a crash
 * in between leaves it: the price of such a filesystem.
 */
async function linkOrClaim(temp: string, path: string, linkFile: typeof link): Promise<void> {
  try {
    await linkFile(temp, path);
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV')) throw error;
    await (await open(path, 'wx', FILE_MODE)).close();
    try {
      await rename(temp, path);
    } catch (failure) {
      await unlink(path).catch(() => undefined);
      throw failure;
    }
  }
}

/** A link that finds no source means that a sweeper took our temporary file for a dead writer's. */
async function assertNotAborted(temp: string, key: string, cause: unknown): Promise<void> {
  const found = await stat(temp).catch(() => undefined);
  if (found !== undefined) return;
  throw new StowageError(
    'storage/not-found',
    `the upload of ${key} was aborted by another program`,
    {
      cause,
      where: { object: key },
    },
  );
}

function exists(key: string, cause: unknown): StowageError {
  return new StowageError('storage/exists', `${key} exists already`, {
    cause,
    where: { object: key },
  });
}

/** Makes a folder with its parents and syncs the parent of every new one: a name is durable only in a synced folder. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    // Some network filesystems cannot sync a folder: there the server decides when a name is durable. ENOENT: the
    // folder was emptied and removed by a `delete` meanwhile, with our object or before it.
    if (
      !isErrno(
        error,
        'EINVAL',
        'ENOTSUP',
        'EOPNOTSUPP',
        'EISDIR',
        'EPERM',
        'EACCES',
        'EBADF',
        'ENOENT',
      )
    )
      throw error;
  }
}
