import { posix } from 'node:path';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { type PlacedFile, pathOf } from '../files/decompressed.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { parseName, type SetFile } from './names.ts';

export interface FoundFile extends SetFile {
  /** Where it lies, for messages. */
  readonly path: string;
  /** Without its folder. */
  readonly name: string;
  readonly placed: PlacedFile;
}

/** All files of gpcrondump sets in these places. @throws StowageError `usage/flag` */
export async function findFiles(
  places: readonly SourceFiles[],
  signal: AbortSignal,
): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  for (const from of places)
    for (const listed of await from.list(signal)) {
      const name = posix.basename(listed.name);
      const file = parseName(name);
      if (file === undefined) continue;
      const placed = { ...listed, from };
      const path = pathOf(placed);
      found.set(path, { ...file, path, name, placed });
    }
  return [...found.values()];
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
