import { mapInFlight } from '../../../../async/each-in-flight.ts';
import { isThisHost } from '../../../config/config.ts';
import type { SourceFiles } from '../../files/source-files.ts';
import { type FoundFile, findFiles } from '../find-files.ts';
import type { ListedFile } from './pipe-list.ts';

/** Each may be a connection of ssh. */
const LISTED_AT_ONCE = 4;

/** The folders in which these files lie, as places of the command line. */
export function placesOf(files: readonly ListedFile[]): string[] {
  const places = files.map(({ host, path }) => {
    const folder = path.slice(0, path.lastIndexOf('/')) || '/';
    return isThisHost(host) ? folder : `${host}:${folder}`;
  });
  return [...new Set(places)];
}

/** The files of one set that lie in the places. FIFOs are no files. */
export async function smallFiles(
  places: readonly SourceFiles[],
  { timestamp, prefix }: Pick<FoundFile, 'timestamp' | 'prefix'>,
  signal: AbortSignal,
): Promise<readonly FoundFile[]> {
  const found = new Map<string, FoundFile>();
  const lists = await mapInFlight(places, LISTED_AT_ONCE, (place) => findFiles([place], signal));
  for (const file of lists.flat()) {
    // A folder that several hosts share is seen several times.
    const path = file.path.replace(/^[^/]*:(?=\/)/, '');
    if (file.timestamp !== timestamp || file.prefix !== prefix || found.has(path)) continue;
    found.set(path, file);
  }
  return [...found.values()];
}
