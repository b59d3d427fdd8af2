import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectStore } from '../store.ts';
import { isErrno } from './errors.ts';

/**
 * Runs `work`. When it fails because the path of the root runs through a file, the error says so:
 * an errno about a key would look like a missing object.
 * @throws StowageError `config/invalid`, or the error of `work`.
 */
export async function explainingRoot<T>(
  root: string,
  doing: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) await requireDirectory(root, doing, error);
    throw error;
  }
}

/**
 * Call it after an ENOTDIR: that can also mean that a part of the key is a file, which is not an
 * error of the root.
 * @throws StowageError `config/invalid` when the root, or a part of its path, is not a directory.
 */
export async function requireDirectory(root: string, doing: string, cause: unknown): Promise<void> {
  const file = await fileInPath(root);
  if (file === undefined) return;
  throw new StowageError(
    'config/invalid',
    `${doing} below ${root} failed: ${file} is not a directory (ENOTDIR)`,
    { cause, where: { field: 'root' } },
  );
}

/** False when the root of a directory store does not exist: the first write creates it. */
export async function rootExists({
  kind,
  url,
}: Pick<ObjectStore, 'kind' | 'url'>): Promise<boolean> {
  return kind !== 'directory' || (await statIfAny(fileURLToPath(url))) !== undefined;
}

/** The part of a path that exists and is not a directory. */
async function fileInPath(path: string): Promise<string | undefined> {
  for (let at = path; ; at = dirname(at)) {
    const found = await statIfAny(at);
    if (found !== undefined) return found.isDirectory() ? undefined : at;
    if (at === dirname(at)) return undefined;
  }
}

async function statIfAny(path: string) {
  return stat(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  });
}
