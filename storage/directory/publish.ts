import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StowageError } from '../../backup-set/base/errors.ts';
import { exists } from '../errors.ts';
import { isErrno } from './errors.ts';
import { makeFolderWithParents } from './make-folder.ts';

export const FILE_MODE = 0o640;

/** Another process's `delete` may remove the empty folder between our mkdir and link. */
const FOLDER_ATTEMPTS_MAX = 20;

/**
 * Gives a finished, synced temporary file its final name, unless that name is taken. This is the
 * one atomic step of every write. On success the temporary name no longer exists.
 *
 * An NFS client sends a request again when its answer is lost, and the second one may fail because
 * the first was carried out. The inode then shows that the name is our file's.
 * @throws StowageError `storage/exists`, or the system's error.
 */
export async function publish(
  temp: string,
  path: string,
  key: string,
  linkFile: typeof link = link,
  renameFile: typeof rename = rename,
): Promise<void> {
  const inode = await inodeOf(temp);
  const isOurs = async () => inode !== undefined && (await inodeOf(path)) === inode;
  for (let attempt = 1; ; attempt += 1) {
    await makeFolder(dirname(path));
    try {
      await linkOrClaim(temp, path, { linkFile, renameFile, isOurs });
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

interface Naming {
  readonly linkFile: typeof link;
  readonly renameFile: typeof rename;
  /** Whether the name is the finished file's. */
  readonly isOurs: () => Promise<boolean>;
}

/**
 * Where hard links are not supported (exFAT, some FUSE and CIFS mounts), the writer claims the name
 * by creating an empty file, and the finished file then replaces it. A reader may see the empty
 * object for a moment, and a crash in between leaves it there.
 */
async function linkOrClaim(
  temp: string,
  path: string,
  { linkFile, renameFile, isOurs }: Naming,
): Promise<void> {
  try {
    await linkFile(temp, path);
  } catch (error) {
    if (isErrno(error, 'EEXIST') && (await isOurs())) return;
    if (!isErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV')) throw error;
    await (await open(path, 'wx', FILE_MODE)).close();
    try {
      await renameFile(temp, path);
    } catch (failure) {
      if (isErrno(failure, 'ENOENT') && (await isOurs())) return;
      await unlink(path).catch(() => undefined);
      throw failure;
    }
  }
}

/** Which file a path names; undefined when there is none. */
async function inodeOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}-${found.ino}`;
}

/** When the link finds no source, a sweeper has removed our temporary file as abandoned. */
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

/** Makes a folder with its parents. Syncs the parent of each new folder, so the name is durable. */
async function makeFolder(path: string): Promise<void> {
  const first = await makeFolderWithParents(path);
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
    // Some network filesystems cannot sync a folder: the server then decides when a name is
    // durable. ENOENT: a concurrent `delete` has removed the folder.
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
