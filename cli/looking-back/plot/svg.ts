import type { TableHistory } from '../../../functions/looking-back/history.ts';
import { compact } from './scale.ts';

type TimedPoint = TableHistory['points'][number] & { readonly at: number };
/** A history whose points have the time of their set. */
export type TimedHistory = Omit<TableHistory, 'points'> & {
  readonly points: readonly TimedPoint[];
};

const WIDTH = 800;
const PANEL = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 20, 34, 30];

/** One panel per table: its rows over time, from zero. A file without scripts and other files. */
export function historySvg(histories: readonly TimedHistory[]): string {
  const height = Math.max(1, histories.length) * PANEL;
  const panels = histories.map((history, at) => panel(history, at * PANEL));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${panels.join('\n')}
</svg>
`;
}

function panel(history: TimedHistory, top: number): string {
  const { schema, name, database, points } = history;
  const title = escaped(`rows of ${schema}.${name} (database ${database})`);
  const times = points.map(({ at }) => at);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const max = Math.max(1, ...points.map((point) => ('rows' in point ? point.rows : 0)));
  const [right, bottom] = [WIDTH - RIGHT, PANEL - BOTTOM];
  const x = (at: number) =>
    last === first ? (LEFT + right) / 2 : LEFT + ((at - first) / (last - first)) * (right - LEFT);
  const y = (rows: number) => bottom - (rows / max) * (bottom - TOP);
  const place = ({ at, rows }: { at: number; rows: number }) =>
    `${x(at).toFixed(1)},${y(rows).toFixed(1)}`;
  const lines = runsOf(points).map(
    (run) =>
      `<polyline points="${run.map(place).join(' ')}" fill="none" stroke="#1f6feb" stroke-width="2"/>`,
  );
  const dots = runsOf(points)
    .flat()
    .map((point) => {
      const text = escaped(`${point.timestamp}: ${point.rows} rows`);
      const [cx, cy] = place(point).split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="#1f6feb"><title>${text}</title></circle>`;
    });
  const day = (at: number) => (Number.isFinite(at) ? new Date(at).toISOString().slice(0, 10) : '');
  return `<g transform="translate(0 ${top})"><title>${title}</title>
<text x="${LEFT}" y="18" font-weight="bold">${title}</text>
<path d="M${LEFT} ${TOP}V${bottom}H${right}" fill="none" stroke="#888"/>
<text x="${LEFT - 6}" y="${TOP + 4}" text-anchor="end">${compact(max)}</text>
<text x="${LEFT - 6}" y="${bottom + 4}" text-anchor="end">0</text>
<text x="${LEFT}" y="${bottom + 18}">${day(first)}</text>
<text x="${right}" y="${bottom + 18}" text-anchor="end">${day(last)}</text>
${[...lines, ...dots].join('\n')}
</g>`;
}

type Drawn = Extract<TimedPoint, { rows: number }>;

/** The points with rows, cut where a set has none of the table. */
function runsOf(points: readonly TimedPoint[]): Drawn[][] {
  const runs: Drawn[][] = [[]];
  for (const point of points)
    if ('rows' in point) runs.at(-1)?.push(point);
    else runs.push([]);
  return runs.filter((run) => run.length > 0);
}

function escaped(text: string): string {
  // XML 1.0 has no control characters, not even escaped.
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD');
}
