import { printable } from '../format.ts';
import { GAP, layOut } from './layout.ts';
import type { Tone } from './palette.ts';
import { NO_SCREEN, type Screen } from './screen.ts';
import { type Cut, folded, shortened, widthOf } from './width.ts';

/**
 * The table writer of all commands. Cells hold plain text: the writer escapes control characters,
 * counts wide characters, colours, and makes the table fit the screen.
 */
export interface Column {
  readonly title: string;
  /** Absent: right when all its cells look like numbers. */
  readonly align?: 'left' | 'right';
  /** A narrow screen leaves out the columns with 1 first, then those with 2, …; absent: never. */
  readonly drop?: number;
  /** It may be shortened to this width. Numbers never are: a number that is cut is another one. */
  readonly min?: number;
  /** Where it loses characters when it is shortened; `fold` breaks it into lines instead. */
  readonly cut?: Cut | 'fold';
}

/** A cell; `tone` colours it on a terminal. Undefined is printed as a dash. */
export type Cell = string | undefined | { readonly text: string; readonly tone?: Tone | undefined };

interface Sheet {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly ShownCell[])[];
  readonly widths: readonly (number | undefined)[];
  readonly isRight: readonly boolean[];
}

interface ShownCell {
  readonly text: string;
  readonly tone: Tone | undefined;
}

/** A text column without `min` is shortened to this at most, when nothing else is left. */
const MIN = 8;
/** The name of a set: digits, and no number. */
const TIMESTAMP = /^\d{14}$/;

/** The lines of a table: titles, a rule, rows, and which columns a narrow screen leaves out. */
export function table(
  titles: readonly (Column | string)[],
  cells: readonly (readonly Cell[])[],
  screen: Screen = NO_SCREEN,
): string {
  const columns = titles.map((one) => (typeof one === 'string' ? { title: one } : one));
  const rows = cells.map((row) => columns.map((_, at) => shownCell(row, at)));
  const isRight = columns.map(({ align }, at) =>
    align === undefined ? looksNumeric(rows, at) : align === 'right',
  );
  const sized = columns.map(({ title, min, drop }, at) => {
    // No Math.max(...rows): so many arguments would overflow the stack in a long list.
    const natural = rows.reduce(
      (most, row) => Math.max(most, widthOf(row[at]?.text ?? '')),
      widthOf(title),
    );
    const least = isRight[at] === true ? natural : (min ?? natural);
    return { natural, min: Math.min(natural, least), drop };
  });
  const { widths } = layOut(sized, screen.columns);
  const sheet = { columns, rows, widths: lastResort(widths, isRight, screen), isRight };
  return [...linesOf(sheet, screen), ...leftOutLines(sheet, screen)].join('\n');
}

function shownCell(row: readonly Cell[], at: number): ShownCell {
  const cell = row[at];
  if (cell === undefined) return { text: at < row.length ? '–' : '', tone: undefined };
  if (typeof cell === 'string') return { text: printable(cell), tone: undefined };
  return { text: printable(cell.text), tone: cell.tone };
}

function looksNumeric(rows: readonly (readonly ShownCell[])[], at: number): boolean {
  const isNumber = (text: string) =>
    /^[-\u2013\d]/.test(text) && !/[a-z]{4}/i.test(text) && !TIMESTAMP.test(text);
  return rows.length > 0 && rows.every((row) => isNumber(row[at]?.text ?? ''));
}

/** Text columns give way when the table still does not fit. */
function lastResort(
  widths: Sheet['widths'],
  isRight: readonly boolean[],
  screen: Screen,
): Sheet['widths'] {
  const sized = widths.map((natural, at) => ({
    natural: natural ?? 0,
    min: isRight[at] === true ? (natural ?? 0) : Math.min(natural ?? 0, MIN),
  }));
  const gone = widths.filter((width) => width === undefined).length;
  const narrower = layOut(sized, screen.columns + gone * GAP).widths;
  return widths.map((width, at) => (width === undefined ? undefined : narrower[at]));
}

function linesOf(sheet: Sheet, { paint }: Screen): string[] {
  const { columns, rows, widths } = sheet;
  const heads = columns.map(({ title }) => ({ text: title, tone: 'strong' as const }));
  const rule = widths.filter((width) => width !== undefined).map((width) => '─'.repeat(width));
  return [
    ...rowLines(sheet, heads, paint),
    paint('dim', rule.join(' '.repeat(GAP))),
    ...rows.flatMap((row) => rowLines(sheet, row, paint)),
  ];
}

/** A row is several lines when a cell of it is folded. */
function rowLines(
  { columns, widths, isRight }: Sheet,
  row: readonly ShownCell[],
  paint: Screen['paint'],
): string[] {
  const shown = row.flatMap(({ text, tone }, at) => {
    const width = widths[at];
    if (width === undefined) return [];
    const cut = columns[at]?.cut ?? 'end';
    const lines = cut === 'fold' ? folded(text, width) : [shortened(text, width, cut)];
    return [{ lines, tone, width, isRight: isRight[at] === true }];
  });
  const height = Math.max(1, ...shown.map(({ lines }) => lines.length));
  return Array.from({ length: height }, (_, at) => lineOf(shown, at, paint));
}

function lineOf(
  cells: readonly {
    readonly lines: readonly string[];
    readonly tone: Tone | undefined;
    readonly width: number;
    readonly isRight: boolean;
  }[],
  at: number,
  paint: Screen['paint'],
): string {
  let line = '';
  // Blanks are written before the next text only: no line ends with blanks.
  let blanks = 0;
  for (const { lines, tone, width, isRight } of cells) {
    const text = lines[at] ?? '';
    const rest = Math.max(0, width - widthOf(text));
    if (text !== '')
      line += ' '.repeat(blanks + (isRight ? rest : 0)) + (tone ? paint(tone, text) : text);
    blanks = text === '' ? blanks + width + GAP : (isRight ? 0 : rest) + GAP;
  }
  return line;
}

function leftOutLines({ columns, widths }: Sheet, { columns: width, paint }: Screen): string[] {
  const left = columns.filter((_, at) => widths[at] === undefined).map(({ title }) => title);
  if (left.length === 0) return [];
  const line = `not shown in ${width} columns: ${left.join(', ')}`;
  return folded(line, width).map((text) => paint('dim', text));
}
