import { createReadStream } from 'node:fs';
import { opendir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { SourceFile, SourceFiles } from './source-files.ts';

/** db_dumps/YYYYMMDD/ below a data directory, and a folder or two of an archive above it. */
const DEPTH_MAX = 6;
/** In a data directory. They hold no files of a backup, and many others. */
const NOT_LOOKED_AT = /^(?:base|global|pg_.*|\..*)$/;
const CHUNK_BYTES = 256 * 1024;

/** The files below a folder of this machine. */
export function filesOfFolder(folder: string): SourceFiles {
  const root = resolve(folder);
  return {
    place: root,
    async list(signal, below = '') {
      const found: SourceFile[] = [];
      try {
        // The place itself must be there, what is below it need not.
        await (await opendir(root)).close();
        await look(root, below, below === '' ? 0 : 1, found, signal);
      } catch (error) {
        signal.throwIfAborted();
        const { code } = error as NodeJS.ErrnoException;
        const isRoot = (error as NodeJS.ErrnoException).path === root;
        if (below !== '' && !isRoot && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
        throw new StowageError(
          'usage/flag',
          `the folder ${folder} cannot be read: ${messageOf(error)}`,
          { cause: error },
        );
      }
      return found;
    },
    async open(name, signal) {
      return createReadStream(join(root, name), { highWaterMark: CHUNK_BYTES, signal });
    },
    async close() {},
  };
}

async function look(
  root: string,
  folder: string,
  depth: number,
  found: SourceFile[],
  signal: AbortSignal,
): Promise<void> {
  const below: string[] = [];
  for await (const entry of await opendir(join(root, folder))) {
    signal.throwIfAborted();
    const name = `${folder}${entry.name}`;
    if (entry.isDirectory() && !NOT_LOOKED_AT.test(entry.name)) below.push(`${name}/`);
    if (entry.isFile() || entry.isSymbolicLink()) {
      const at = await stat(join(root, name)).catch(() => undefined);
      if (at?.isFile()) found.push({ name, bytes: at.size });
    }
  }
  if (depth < DEPTH_MAX) for (const path of below) await look(root, path, depth + 1, found, signal);
}
