import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isErrno } from './errors.ts';

export const DIRECTORY_MODE = 0o750;

/**
 * Makes a folder with its parents. Node's recursive mkdir reports ENOENT for a read-only file
 * system, which would look like a missing object: the first missing folder alone gives the reason.
 * @returns the first folder that was made; undefined when all existed.
 */
export async function makeFolderWithParents(path: string): Promise<string | undefined> {
  const all = () => mkdir(path, { recursive: true, mode: DIRECTORY_MODE });
  try {
    return await all();
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    const first = await firstMissing(path);
    await mkdir(first, { mode: DIRECTORY_MODE }).catch((reason: unknown) => {
      if (!isErrno(reason, 'EEXIST')) throw reason;
    });
    await all();
    return first;
  }
}

async function firstMissing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const parent = await stat(dirname(at)).catch(() => undefined);
    if (parent !== undefined || at === dirname(at)) return at;
  }
}
