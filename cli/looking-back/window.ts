import { StowageError } from '../../backup-set/base/errors.ts';
import { parsePattern } from '../../backup-set/base/selection.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { SkippedSet, Window } from '../../functions/looking-back/manifests.ts';
import type { TableSearch } from '../../functions/looking-back/tables.ts';
import type { Flags } from '../command.ts';
import { numberFrom } from '../flags.ts';
import { timeFrom } from '../list/filters.ts';
import { printable } from '../output/format.ts';

/** The sets that `find` and `history` look into. */
const WINDOW_FLAGS = [
  ['--database <name>', 'only the sets of this database'],
  ['--since <time>', 'only sets since this UTC time, or of the last 12h, 7d or 2w'],
  ['--before <time>', 'only sets before this UTC time, or older than 12h, 7d or 2w'],
  ['--last <n>', 'only the newest n sets; with --database, of this database'],
] as const;

export const PATTERN_DETAILS = `<table> is a pattern as --include-table has it: schema.table, "a.b"."c", * for any text; or a table without its schema.
The root of a partitioned table stands for all its partitions; each partition can be named, too.`;

/** The flags of `find` and `history`. */
export const SEARCH_FLAGS = [
  ...WINDOW_FLAGS,
  ['--partitions', 'also the partitions, where the pattern names their root, too'],
] as const;

/** The sets and tables that `find` and `history` look for. */
export function searchFrom(flags: Flags, now: Date): TableSearch {
  return { ...windowFrom(flags, now), leaves: flags['partitions'] === true };
}

function windowFrom(flags: Flags, now: Date): Window {
  const { database, last } = flags;
  return {
    since: timeFrom(flags, 'since', now),
    before: timeFrom(flags, 'before', now),
    ...(database !== undefined && { database: String(database) }),
    ...(last !== undefined && { last: numberFrom(flags, 'last', 0) }),
  };
}

/** @throws StowageError `usage/flag` for a text that is no pattern of a table. */
export function patternFrom([text = '']: readonly string[]): string {
  const parts = parsePattern(text);
  if (parts !== undefined && parts.length <= 2) return text;
  throw new StowageError(
    'usage/flag',
    `${JSON.stringify(text)} does not name a table: write schema.table, or "a.b"."c" for names with a dot, a star or a quote`,
    { where: { field: 'table' } },
  );
}

/** Sets named in one line. */
const NAMED_MAX = 5;

/** Says which sets could not be looked into. */
export function skippedLines(skipped: readonly SkippedSet[]): string[] {
  return [...Map.groupBy(skipped, ({ why }) => why)].map(([why, sets]) => {
    const named = sets
      .slice(-NAMED_MAX)
      .map(({ timestamp, message }) =>
        message === undefined ? timestamp : `${timestamp} (${printable(message)})`,
      );
    const rest = sets.length > NAMED_MAX ? 'the newest are ' : '';
    const what =
      why === 'unreadable' ? 'has an unreadable manifest' : `is ${why}, without a manifest`;
    const subject = sets.length === 1 ? `set ${named.join()} ${what}` : undefined;
    const many = `${plural(sets.length, 'set')} not looked into, ${why}: ${rest}${named.join(', ')}`;
    return subject === undefined ? many : `${subject}: not looked into`;
  });
}

/** A set that was complete once and cannot be read may hold the table: that is no success. */
export function exitOf(skipped: readonly SkippedSet[]): number {
  return skipped.some(({ why }) => why === 'unreadable' || why === 'damaged') ? 3 : 0;
}

/** @throws StowageError `table/not-found`. */
export function noneHolds(
  pattern: string,
  root: string,
  { read, skipped }: { readonly read: number; readonly skipped: readonly SkippedSet[] },
): StowageError {
  const others = skippedLines(skipped).join('. ');
  const looked = `none of the ${plural(read, 'complete set')} under ${root} holds a table ${pattern}`;
  return new StowageError('table/not-found', `${looked}${others === '' ? '' : `. ${others}`}`, {
    where: { relation: pattern },
  });
}
