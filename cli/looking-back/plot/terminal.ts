import { compact } from './scale.ts';

/** A point of a plot; undefined: there is no value. */
export interface PlotPoint {
  readonly label: string;
  readonly value: number | undefined;
}

const ROWS = 8;
/** An eighth of a character's height each. */
const BLOCKS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const EIGHTHS = BLOCKS.length - 1;
/** Where a set has no value. */
const ABSENT = '·';
/** A column for each bar of a short history would be hard to see. */
const BAR_MAX = 4;

/**
 * Lines of a plot with bars that start at zero, and the first and last label below. A column that
 * stands for several points shows the least of them.
 */
export function barPlot(points: readonly PlotPoint[], columns: number): string[] {
  const values = points.map(({ value }) => value).filter((value) => value !== undefined);
  const max = Math.max(0, ...values);
  const labels = [compact(max), compact(max / 2), '0'];
  const margin = Math.max(...labels.map((text) => text.length));
  const width = Math.max(1, columns - margin - 2);
  const { bars, perBar, barWidth } = fitted(points, width);
  const lines = Array.from({ length: ROWS }, (_, at) => {
    const label = at === 0 ? labels[0] : at === ROWS / 2 ? labels[1] : '';
    const row = bars.map((value) => cellOf(value, max, ROWS - 1 - at).repeat(barWidth)).join('');
    return `${(label ?? '').padStart(margin)} │${row}`.trimEnd();
  });
  const drawn = bars.length * barWidth;
  return [
    ...lines,
    `${'0'.padStart(margin)} └${'─'.repeat(drawn)}`,
    `${' '.repeat(margin + 2)}${axisLabels(points, drawn)}`.trimEnd(),
    ...(perBar > 1 ? [`${' '.repeat(margin + 2)}a column is ${perBar} sets: their least`] : []),
  ];
}

function fitted(points: readonly PlotPoint[], width: number) {
  const perBar = Math.max(1, Math.ceil(points.length / width));
  const bars = Array.from({ length: Math.ceil(points.length / perBar) }, (_, at) =>
    leastOf(points.slice(at * perBar, (at + 1) * perBar)),
  );
  const barWidth = Math.max(1, Math.min(BAR_MAX, Math.floor(width / Math.max(1, bars.length))));
  return { bars, perBar, barWidth };
}

/** A point without a value hides no other point. */
function leastOf(points: readonly PlotPoint[]): number | undefined {
  const values = points.map(({ value }) => value).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : Math.min(...values);
}

/** The character of a bar in a line; line 0 is the lowest. */
function cellOf(value: number | undefined, max: number, line: number): string {
  if (value === undefined) return line === 0 ? ABSENT : ' ';
  if (value === 0 || max === 0) return ' ';
  // A value above zero is always visible.
  const eighths = Math.max(1, Math.round((value / max) * ROWS * EIGHTHS));
  return BLOCKS[Math.min(EIGHTHS, Math.max(0, eighths - line * EIGHTHS))] ?? ' ';
}

function axisLabels(points: readonly PlotPoint[], width: number): string {
  const [first, last] = [points[0]?.label ?? '', points.at(-1)?.label ?? ''];
  if (points.length < 2 || first.length + last.length + 1 > width) return first;
  return first + last.padStart(width - first.length);
}
