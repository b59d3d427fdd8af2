import { dateOf } from '../../backup-set/base/timestamps.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { findTables, type HoldingSet } from '../../functions/looking-back/find.ts';
import type { ClusterCommand } from '../command.ts';
import { withStore } from '../open.ts';
import { age, bytes } from '../output/format.ts';
import {
  exitOfLook,
  lookWith,
  unreadableLines,
  unreadableValue,
} from '../output/storage/unreadable.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';
import { writtenName } from '../read-set/table-name.ts';
import { functionDeps } from '../wait-for-functions.ts';
import {
  exitOf,
  noneHolds,
  PATTERN_DETAILS,
  patternFrom,
  SEARCH_FLAGS,
  searchFrom,
  skippedLines,
} from './window.ts';

/** Lines unless --all is given. */
const ROWS_SHOWN = 50;

export const findCommand: ClusterCommand = {
  usage: 'find <table>',
  summary: 'list the sets that hold a table, newest first, with its rows and bytes in each',
  details: `${PATTERN_DETAILS}
It reads the manifest of every set in the window: one request per set, and about five more per set that holds the table.
Exit code 3: a set with a damaged manifest may hold it, too. 4: no set holds it.
Example: stowage find sales.orders --since 30d`,
  flags: [...SEARCH_FLAGS, ['--all', `print all lines, not only the first ${ROWS_SHOWN}`]],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const pattern = patternFrom(positional);
    const now = context.clock();
    const search = searchFrom(flags, now);
    return withStore(context, async (store) => {
      const look = lookWith(functionDeps(context, store));
      const found = await findTables(look.deps, pattern, search);
      // The others are named as sets that were not looked into.
      const isNamed = (object: string) =>
        found.skipped.some(({ message = '' }) => message.includes(object));
      const unreadable = look.unreadable().filter(({ object }) => !isNamed(object));
      if (found.sets.length === 0) throw noneHolds(pattern, store.url, found);
      const shown = flags['all'] === true ? Number.POSITIVE_INFINITY : ROWS_SHOWN;
      context.output.result(
        { root: store.url, pattern, ...found, ...unreadableValue(unreadable) },
        [
          setsTable(found.sets, { now, screen: context.output.screen, shown }),
          ...skippedLines(found.skipped),
          ...unreadableLines(unreadable),
        ].join('\n'),
      );
      return exitOf(found.skipped) || exitOfLook(unreadable);
    });
  },
};

const PARTITIONS: Column = { title: 'partitions', align: 'right', drop: 3 };
const COLUMNS: readonly Column[] = [
  { title: 'set' },
  { title: 'age', align: 'right' },
  { title: 'database', drop: 2, min: 8 },
  { title: 'table', min: 16, cut: 'middle' },
  { title: 'rows', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'stored', align: 'right', drop: 1 },
  { title: 'status' },
];

function setsTable(
  sets: readonly HoldingSet[],
  { now, screen, shown }: { now: Date; screen: Screen; shown: number },
): string {
  const hasRoots = sets.some(({ tables }) => tables.some(({ kind }) => kind === 'root'));
  const columns = hasRoots ? COLUMNS.toSpliced(4, 0, PARTITIONS) : COLUMNS;
  const rows = sets.flatMap((set) =>
    set.tables.map((one): Cell[] => [
      set.timestamp,
      age(now.getTime() - dateOf(set.timestamp).getTime()),
      set.database,
      writtenName(one),
      ...(hasRoots ? [one.leaves === undefined ? '' : count(one.leaves)] : []),
      count(one.rows),
      one.bytes === undefined ? undefined : bytes(one.bytes),
      one.storedBytes === undefined ? undefined : bytes(one.storedBytes),
      statusCell(set),
    ]),
  );
  const rest = rows.length - Math.min(rows.length, shown);
  const more = rest > 0 ? [`… and ${plural(rest, 'older line')} (--all prints them)`] : [];
  return [table(columns, rows.slice(0, shown), screen), ...more].join('\n');
}

function statusCell({ status, retention }: HoldingSet): Cell {
  if (retention?.state === 'expired') return { text: 'expired', tone: 'dim' };
  const held = retention === undefined ? '' : ', held';
  if (status === undefined) return { text: `not checked${held}`, tone: 'warn' };
  return { text: `${status}${held}`, tone: status === 'complete' ? 'good' : 'bad' };
}
