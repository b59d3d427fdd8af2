import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { expectedFiles } from '../../../backup-set/files/expected.ts';
import type { ClusterContext } from '../../context.ts';
import type { AllReceipts, StoredReceipts } from './receipts.ts';

/** Receipts of the files that the set must have, and what is wrong with them. */
export interface NeededReceipts {
  readonly receipts: StoredReceipts;
  readonly failures: readonly StowageError[];
}

/**
 * Leaves out receipts that no file of the plan needs: any host can write one, and it must neither
 * lose the set nor bring its key into it.
 * @throws StowageError `set/incomplete` when a file has no receipt and there are objects that
 * cannot be read as receipts: one of them may be it, so nothing is sealed before they are gone.
 */
export function neededReceipts(
  { timestamp, contents, files }: Plan,
  { receipts, contradicted, unreadable }: AllReceipts,
  { log, finish }: Pick<ClusterContext, 'log'> & { readonly finish: string },
): NeededReceipts {
  const names =
    files === undefined
      ? []
      : contents.flatMap(({ content }) => expectedFiles(files, timestamp, content));
  const lacking = names.filter((name) => !receipts.has(name));
  const [first] = lacking;
  if (first !== undefined && unreadable.length > 0)
    throw unfinished(timestamp, { unreadable, finish }, lackingText(first, lacking.length));
  for (const { key, why } of unreadable)
    log.warn({ key, why }, 'receipt ignored: it cannot be read, and no file of the set needs it');
  const needed = new Map<string, NonNullable<ReturnType<StoredReceipts['get']>>>();
  for (const name of names) {
    const one = receipts.get(name);
    if (one !== undefined) needed.set(name, one);
  }
  const failures = names
    .filter((name) => contradicted.has(name))
    .map(
      (name) =>
        new StowageError(
          'set/damaged',
          `${name} has two receipts that contradict each other: a program that is no host of this backup has written into the set`,
        ),
    );
  return { receipts: needed, failures };
}

const lackingText = (first: string, count: number) =>
  `${count === 1 ? 'a file has' : `${plural(count, 'file')} have`} no receipt that can be read (${first})`;

/** @param why what the set lacks because of it. */
export function unfinished(
  timestamp: string,
  { unreadable, finish }: Pick<AllReceipts, 'unreadable'> & { readonly finish: string },
  why: string,
): StowageError {
  const [first] = unreadable;
  const others =
    unreadable.length > 1 ? ` (and ${plural(unreadable.length - 1, 'more object')})` : '';
  return new StowageError(
    'set/incomplete',
    `set ${timestamp} was not sealed: ${why}, and ${first?.why}${others}. If a later version of stowage wrote it, upgrade this host; if no host of yours did, remove it. Then finish the set: \`${finish}\``,
    { where: { set: timestamp, ...(first && { object: first.key }) } },
  );
}
