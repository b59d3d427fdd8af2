import { dateOf } from '../../backup-set/base/timestamps.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { HistoryPoint, TableHistory } from '../../functions/looking-back/history.ts';
import { bytes, localTime, printable } from '../output/format.ts';
import type { Screen } from '../output/table/screen.ts';
import { type Cell, type Column, table } from '../output/table/table.ts';
import { folded } from '../output/table/width.ts';
import { writtenName } from '../read-set/table-name.ts';
import { barPlot } from './plot/terminal.ts';

/** A plot where the output is no terminal. */
const COLUMNS = 80;

/** The plot of a table's rows, and the numbers of its newest sets. */
export function historyText(history: TableHistory, screen: Screen, points: number): string {
  const { database, kind } = history;
  const root = kind === 'root' ? ', all partitions together' : '';
  const columns = Number.isFinite(screen.columns) ? screen.columns : COLUMNS;
  return [
    ...folded(printable(`rows of ${writtenName(history)}${root}, database ${database}`), columns),
    ...barPlot(
      history.points.map((point) => ({
        label: localTime(dateOf(point.timestamp)).slice(0, 10),
        value: 'rows' in point ? point.rows : undefined,
      })),
      columns,
    ),
    '',
    numbers(history.points, screen, points),
    '',
  ].join('\n');
}

const TABLE: readonly Column[] = [
  { title: 'set' },
  { title: 'local time', drop: 1 },
  { title: 'rows', align: 'right' },
  { title: 'change', align: 'right' },
  { title: 'bytes', align: 'right' },
  { title: 'stored', align: 'right', drop: 2 },
];

function numbers(points: readonly HistoryPoint[], screen: Screen, shownMax: number): string {
  const shown = points.slice(-shownMax);
  const first = points.length - shown.length;
  const rows = shown.map((point, at): Cell[] => {
    const time = localTime(dateOf(point.timestamp));
    if (!('rows' in point)) return [point.timestamp, time, absenceText(point), '', '', ''];
    return [
      point.timestamp,
      time,
      count(point.rows),
      changeCell(point.rows, points.slice(0, first + at)),
      point.bytes === undefined ? undefined : bytes(point.bytes),
      point.storedBytes === undefined ? undefined : bytes(point.storedBytes),
    ];
  });
  const hidden = first > 0 ? [`${plural(first, 'older set')} not printed (--all prints them)`] : [];
  return [table(TABLE, rows, screen), ...hidden].join('\n');
}

/** Since the newest set before that has the table. */
function changeCell(rows: number, before: readonly HistoryPoint[]): Cell {
  const last = before.findLast((point) => 'rows' in point);
  const was = last !== undefined && 'rows' in last ? last.rows : undefined;
  if (was === undefined) return '';
  if (rows === was) return '=';
  return { text: signed(rows - was), tone: rows < was ? 'warn' : undefined };
}

export const signed = (value: number) => (value > 0 ? `+${count(value)}` : count(value));

/** Why a set has no rows of the table. */
export function absenceText(
  absence: Extract<HistoryPoint, { why: string }> | { why: string; reason?: string },
): string {
  if (absence.why === 'not-selected') return 'not selected';
  if (absence.why === 'not-shipped')
    return `not shipped: ${'reason' in absence ? absence.reason : ''}`;
  return 'not there';
}
