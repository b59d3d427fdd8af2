import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import { type PlacedFile, pathOf } from '../files/decompressed.ts';
import type { SourceFiles } from '../files/source-files.ts';
import type { SetProblem } from '../set-problem.ts';
import { baseName, folderOf, parseName } from './names.ts';

/** The files of sets in all places that a user names. */
export interface SetFinder {
  /** By name. A name that is there twice is a problem. */
  filesOf(timestamp: string, problems: SetProblem[]): Promise<ReadonlyMap<string, PlacedFile>>;
  /** @throws StowageError `adopt/not-found` that says what is there. */
  require(timestamp: string): Promise<void>;
}

/**
 * Looks in the folder `backups/YYYYMMDD/TS/` of a place first: a bucket can have years of sets. A
 * place that does not have it is listed whole, once.
 */
export function setFinder(places: readonly SourceFiles[], signal: AbortSignal): SetFinder {
  const whole = new Map<SourceFiles, Promise<readonly PlacedFile[]>>();
  const listAll = (from: SourceFiles) => {
    const known = whole.get(from) ?? from.list(signal).then(placedIn(from));
    whole.set(from, known);
    return known;
  };
  const inPlace = async (from: SourceFiles, timestamp: string) => {
    const ofSet = (files: readonly PlacedFile[]) =>
      files.filter((file) => parseName(baseName(file))?.timestamp === timestamp);
    const direct = ofSet(await from.list(signal, folderOf(timestamp)).then(placedIn(from)));
    return direct.length > 0 ? direct : ofSet(await listAll(from));
  };
  const find = async (timestamp: string) => {
    const found: PlacedFile[] = [];
    for (const place of places) found.push(...(await inPlace(place, timestamp)));
    return found;
  };
  return {
    async filesOf(timestamp, problems) {
      const files = new Map<string, PlacedFile>();
      for (const file of await find(timestamp)) {
        const name = baseName(file);
        const other = files.get(name);
        // Places may overlap: `/backup` and `/backup/gpseg0`.
        if (other === undefined || pathOf(other) === pathOf(file)) files.set(name, file);
        else
          problems.push({
            file: pathOf(file),
            message: `a file of this name is also at ${pathOf(other)}: pass the places of one copy of the set`,
          });
      }
      return files;
    },
    async require(timestamp) {
      if ((await find(timestamp)).length > 0) return;
      const others = new Set<string>();
      for (const place of places)
        for (const file of await listAll(place)) {
          const set = parseName(baseName(file));
          if (set?.kind === 'config') others.add(set.timestamp);
        }
      const newest = [...others].sort().at(-1);
      const has =
        newest === undefined
          ? 'they hold no set of gpbackup'
          : `they hold ${plural(others.size, 'set')}, the newest is ${newest}`;
      const message = `no file of set ${timestamp} is in the places: ${has}`;
      throw new StowageError('adopt/not-found', message);
    },
  };
}

const placedIn =
  (from: SourceFiles) =>
  (files: readonly { readonly name: string; readonly bytes: number }[]): PlacedFile[] =>
    files.map((file) => ({ ...file, from }));
