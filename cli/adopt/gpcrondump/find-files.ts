import { opendir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { parseName, type SetFile } from './names.ts';

export interface FoundFile extends SetFile {
  readonly path: string;
  readonly name: string;
}

/** db_dumps/YYYYMMDD/ below a data directory, and a folder or two of an archive above it. */
const DEPTH_MAX = 6;
/** In a data directory. They hold no dumps, and many files. */
const NOT_DUMPS = /^(?:base|global|pg_.*|\..*)$/;

/** All files of gpcrondump sets below these folders. @throws StowageError `usage/flag` */
export async function findFiles(
  folders: readonly string[],
  signal: AbortSignal,
): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const folder of folders) {
    try {
      await look(resolve(folder), 0, found, signal);
    } catch (error) {
      if (isStowageError(error) || signal.aborted) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new StowageError('usage/flag', `the folder ${folder} cannot be read: ${reason}`, {
        cause: error,
      });
    }
  }
  return [...found.values()];
}

async function look(
  folder: string,
  depth: number,
  found: Map<string, FoundFile>,
  signal: AbortSignal,
): Promise<void> {
  const below: string[] = [];
  for await (const entry of await opendir(folder)) {
    signal.throwIfAborted();
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !NOT_DUMPS.test(entry.name)) below.push(path);
    const file = entry.isDirectory() ? undefined : parseName(entry.name);
    if (file !== undefined) found.set(path, { ...file, path, name: basename(path) });
  }
  if (depth < DEPTH_MAX) for (const path of below) await look(path, depth + 1, found, signal);
}

/** The files of one set. @throws StowageError `adopt/not-found`, `usage/flag` */
export function filesOf(
  files: readonly FoundFile[],
  timestamp: string,
  prefix: string | undefined,
): readonly FoundFile[] {
  const own = files.filter((file) => file.timestamp === timestamp);
  const prefixes = [...new Set(own.map((file) => file.prefix))];
  if (prefix === undefined && prefixes.length > 1)
    throw new StowageError(
      'usage/flag',
      `sets with several prefixes have timestamp ${timestamp}: ${prefixes.map((one) => JSON.stringify(one)).join(', ')}. Choose one with --prefix`,
    );
  const chosen = own.filter((file) => prefix === undefined || isPrefix(file.prefix, prefix));
  if (chosen.length > 0) return chosen;
  const others = [...new Set(files.map((file) => file.timestamp))].sort();
  const has =
    others.length === 0
      ? 'they hold no set of gpcrondump'
      : `they hold ${plural(others.length, 'set')}, the newest is ${others.at(-1)}`;
  throw new StowageError(
    'adopt/not-found',
    `no file of set ${timestamp} is in the folders: ${has}`,
  );
}

/** gpcrondump adds the underscore itself. */
const isPrefix = (found: string, wanted: string) => found === wanted || found === `${wanted}_`;
