import { Readable } from 'node:stream';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import { type TableHistory, tableHistories } from '../../functions/looking-back/history.ts';
import type { ClusterCommand } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { requirePath, toFile } from '../export/to/file.ts';
import { withStore } from '../open.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { historyText } from './history-text.ts';
import { historySvg } from './plot/svg.ts';
import {
  exitOf,
  noneHolds,
  PATTERN_DETAILS,
  patternFrom,
  SEARCH_FLAGS,
  searchFrom,
  skippedLines,
} from './window.ts';

/** Tables plotted, and lines of a table, unless --all is given. */
const TABLES_SHOWN = 4;
const POINTS_SHOWN = 14;

export const historyCommand: ClusterCommand = {
  usage: 'history <table>',
  summary: 'show the rows and bytes of a table over time, as a plot and as numbers',
  details: `${PATTERN_DETAILS}
It reads the manifest of every set in the window: one request per set, and one per day that has sets.
Where there are more sets than columns, a column shows the least of its sets, so that a loss stays visible.
Exit code 3: a set with a damaged manifest is missing in the plot. 4: no set holds the table.
Examples:
  stowage history sales.orders --since 365d
  stowage history sales.orders --svg orders.svg`,
  flags: [
    ...SEARCH_FLAGS,
    ['--svg <file>', 'write the plot of all tables into this file, too'],
    ['--overwrite', 'replace the file of --svg, if it exists'],
    ['--all', `plot all tables and print all sets, not only ${TABLES_SHOWN} and ${POINTS_SHOWN}`],
  ],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const pattern = patternFrom(positional);
    const svg = flags['svg'] === undefined ? undefined : String(flags['svg']);
    if (svg !== undefined) await requirePath(svg, flags['overwrite'] === true);
    const search = searchFrom(flags, context.clock());
    return withStore(context, async (store) => {
      const found = await tableHistories(functionDeps(context, store), pattern, search);
      const { histories, skipped } = found;
      if (histories.length === 0) throw noneHolds(pattern, store.url, found);
      if (svg !== undefined) await writeSvg(context, svg, histories, flags['overwrite'] === true);
      const isAll = flags['all'] === true;
      const shown = isAll ? histories : histories.slice(0, TABLES_SHOWN);
      const rest = histories.length - shown.length;
      const points = isAll ? Number.POSITIVE_INFINITY : POINTS_SHOWN;
      context.output.result(
        { root: store.url, pattern, ...found, ...(svg !== undefined && { svg }) },
        [
          ...shown.map((one) => historyText(one, context.output.screen, points)),
          ...(rest > 0 ? [`… and ${plural(rest, 'other table')} (--all plots them)`] : []),
          ...skippedLines(skipped),
          ...(svg === undefined ? [] : [`plot written to ${svg}`]),
        ].join('\n'),
      );
      return exitOf(skipped);
    });
  },
};

async function writeSvg(
  { signal }: ClusterContext,
  path: string,
  histories: readonly TableHistory[],
  overwrite: boolean,
): Promise<void> {
  const timed = histories.map((one) => ({
    ...one,
    points: one.points.map((point) => ({ ...point, at: dateOf(point.timestamp).getTime() })),
  }));
  const text = Buffer.from(historySvg(timed));
  await toFile(Readable.from([text]), path, { overwrite, signal });
}
