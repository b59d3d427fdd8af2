import { randomBytes } from 'node:crypto';
import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { throwIfInterrupted } from '../../../async/abort.ts';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';

interface FileOptions {
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/**
 * Before any row is read: the path is free, or has a file that may be replaced.
 * @throws StowageError `file/exists`; `file/unusable` for a device, a pipe or a directory, which
 * the rename at the end would replace, too.
 */
export async function requirePath(path: string, overwrite: boolean): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isFile())
    throw new StowageError(
      'file/unusable',
      `cannot write file ${path}: it exists, and is not a regular file. Leave --out out, and redirect standard output`,
      { where: { field: 'out' } },
    );
  if (!overwrite) throw exists(path);
}

/**
 * Writes a file that appears under its name when it is whole: until then it has another name beside
 * it, and after a failure it is removed.
 * @throws StowageError as `requirePath`; `file/unusable`; an error of the source.
 */
export async function toFile(
  source: AsyncIterable<Uint8Array>,
  path: string,
  { overwrite, signal }: FileOptions,
): Promise<void> {
  await requirePath(path, overwrite);
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`);
  const handle = await open(partial, 'wx').catch((cause: unknown) => {
    throw unusable(path, cause);
  });
  try {
    try {
      for await (const chunk of source) {
        throwIfInterrupted(signal);
        await handle.writeFile(chunk).catch((cause: unknown) => {
          throw unusable(path, cause);
        });
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await (overwrite ? replace(partial, path) : giveName(partial, path));
  } catch (error) {
    await unlink(partial).catch(() => undefined);
    throw error;
  }
}

/** Unlike a rename, a link never replaces a file. */
async function giveName(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw exists(path);
    // A file system without links.
    await requirePath(path, false);
    await replace(partial, path);
    return;
  }
  await unlink(partial);
}

async function replace(partial: string, path: string): Promise<void> {
  await rename(partial, path).catch((cause: unknown) => {
    throw unusable(path, cause);
  });
}

function exists(path: string): StowageError {
  return new StowageError('file/exists', `file ${path} exists already: --overwrite replaces it`, {
    where: { field: 'out' },
  });
}

function unusable(path: string, cause: unknown): StowageError {
  return new StowageError('file/unusable', `cannot write file ${path}: ${messageOf(cause)}`, {
    cause,
    where: { field: 'out' },
  });
}
