import { StowageError } from '../../../../backup-set/base/errors.ts';
import type { ClusterContext } from '../../../context.ts';
import { withPlaces } from '../../files/open-places.ts';
import { type FoundFile, filesOf, findFiles } from '../find-files.ts';
import { textFile } from '../judge-files.ts';
import { type ListedDump, type ListedFile, listedDumps, listedFiles } from './pipe-list.ts';

/** What a run of gpcrondump will write. */
export interface ListedSet {
  readonly timestamp: string;
  readonly prefix: string;
  readonly dumps: readonly ListedDump[];
  /** Only some of them. */
  readonly regularFiles: readonly ListedFile[];
}

/**
 * Reads the two lists of `gpcrondump -K TS --list-backup-files`.
 * @throws StowageError `adopt/not-found`, `adopt/unsupported`, `usage/flag`
 */
export async function readLists(
  context: ClusterContext,
  places: readonly string[],
  { timestamp, prefix }: { readonly timestamp: string; readonly prefix: string | undefined },
): Promise<ListedSet> {
  return withPlaces(context, places, async (opened) => {
    const found = filesOf(await findFiles(opened, context.signal), timestamp, prefix);
    const text = async (ending: string): Promise<{ file: FoundFile; text: string }> => {
      const file = found.find(({ name }) => name.endsWith(`_${timestamp}_${ending}`));
      if (file === undefined)
        throw new StowageError(
          'adopt/not-found',
          `gp_dump_${timestamp}_${ending} is not in the places: write it with gpcrondump -K ${timestamp} --list-backup-files and the options of the dump`,
        );
      return { file, text: (await textFile(file, context.signal)).toString('utf8') };
    };
    const pipes = await text('pipes');
    const regular = await text('regular_files');
    return {
      timestamp,
      prefix: pipes.file.prefix,
      dumps: listedDumps(pipes.text, pipes.file.path, timestamp),
      regularFiles: listedFiles(regular.text, regular.file.path),
    };
  });
}
