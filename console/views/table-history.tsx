import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { HistoryPoint, TableHistory } from '../../functions/serve/console/api.ts';
import { apiAddress, useApi } from '../base/api.ts';
import { bytes, count, instantOf, localTime, ratio, short } from '../base/format.ts';
import { addressOf } from '../base/route.ts';
import { dateLabels } from '../parts/date-labels.ts';
import { FailureBox } from '../parts/pieces.tsx';
import { colour, useDark, useWidth } from '../parts/theme.ts';

const HEIGHT = 170;

/** One table in every set of a database. */
export function TableHistoryView({
  root,
  database,
  schema,
  name,
}: {
  readonly root: number;
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}) {
  const query = new URLSearchParams({ schema, name, database });
  const { value, failure } = useApi<TableHistory>(apiAddress(root, `history?${query}`), (known) =>
    known === undefined || known.reading > 0 ? 800 : 30_000,
  );
  const points = value?.points ?? [];
  return (
    <section aria-labelledby="history">
      <div class="sectionhead">
        <h2 id="history">
          {schema}.{name}
        </h2>
        <span class="muted">
          {value && `in ${count(points.length)} sets`}
          {value && value.without.length > 0 && `, not in ${count(value.without.length)}`}
          {value &&
            value.unreadable.length > 0 &&
            `, ${count(value.unreadable.length)} cannot be read`}
          {value && value.reading > 0 && ` · reading ${count(value.reading)} more`}
        </span>
      </div>
      {failure && <FailureBox failure={failure} />}
      {value && points.length === 0 && value.reading === 0 && (
        <p class="calm">No complete set has this table.</p>
      )}
      {points.length > 0 && (
        <>
          <Plot points={points} label="Rows" of={(point) => point.rows} unit="" />
          <Plot
            points={points}
            label="Bytes"
            of={(point) => point.bytes}
            unit="B"
            second={(point) => point.storedBytes}
          />
          <PointsTable points={points} root={root} />
        </>
      )}
    </section>
  );
}

function PointsTable({
  points,
  root,
}: {
  readonly points: readonly HistoryPoint[];
  readonly root: number;
}) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Set</th>
            <th scope="col" class="number">
              Rows
            </th>
            <th scope="col" class="number">
              Change
            </th>
            <th scope="col" class="number">
              Bytes
            </th>
            <th scope="col" class="number wide">
              Stored
            </th>
            <th scope="col" class="number wide">
              Ratio
            </th>
            <th scope="col" class="number wide">
              Segments
            </th>
          </tr>
        </thead>
        <tbody>
          {points.toReversed().map((point, at) => {
            const before = points[points.length - 2 - at];
            return (
              <tr key={point.timestamp}>
                <th scope="row">
                  <a href={addressOf(root, ['set', point.timestamp])}>
                    {localTime(new Date(instantOf(point.timestamp)))}
                  </a>
                </th>
                <td class="number">{count(point.rows)}</td>
                <td class="number">{changeOf(before?.rows, point.rows)}</td>
                <td class="number">{bytes(point.bytes)}</td>
                <td class="number wide">{bytes(point.storedBytes)}</td>
                <td class="number wide">{ratioOf(point)}</td>
                <td class="number wide">{count(point.contents)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** A set of the files of gpbackup has no sizes. */
function ratioOf({ bytes: size, storedBytes }: HistoryPoint): string {
  return size === undefined || !storedBytes ? '–' : ratio(size / storedBytes);
}

function changeOf(before: number | undefined, now: number): string {
  if (before === undefined || before === now) return before === now ? '=' : '';
  const share = before === 0 ? Number.POSITIVE_INFINITY : (now - before) / before;
  const text =
    Math.abs(share) >= 0.001 && Number.isFinite(share) ? ` (${(share * 100).toFixed(1)} %)` : '';
  return `${now > before ? '+' : '−'}${count(Math.abs(now - before))}${text}`;
}

/** One line over time; a second, weaker one on the same scale. */
function Plot({
  points,
  label,
  of,
  second,
  unit,
}: {
  readonly points: readonly HistoryPoint[];
  readonly label: string;
  readonly of: (point: HistoryPoint) => number | undefined;
  readonly second?: (point: HistoryPoint) => number | undefined;
  readonly unit: string;
}) {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const isDark = useDark();
  useEffect(() => {
    const { current } = box;
    if (current === null || width === 0) return undefined;
    const axis = {
      stroke: colour('muted'),
      font: `11px ${colour('sans')}`,
      grid: { stroke: colour('line'), width: 1 },
      ticks: { show: false },
    };
    const line = (name: string) => ({
      stroke: colour(name),
      width: 1.5,
      points: { show: points.length < 40, size: 5, fill: colour('paper') },
    });
    const plot = new uPlot(
      {
        width,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] } },
        axes: [
          { ...axis, size: 24, space: 70, grid: { show: false }, values: dateLabels },
          {
            ...axis,
            size: 58,
            space: 34,
            values: (_, splits) =>
              splits.map((split) => (split === 0 ? '0' : `${short(split)}${unit}`)),
          },
        ],
        series: [{}, line('new'), ...(second === undefined ? [] : [line('totalline')])],
      },
      [
        points.map(({ timestamp }) => instantOf(timestamp) / 1000),
        points.map((point) => of(point) ?? null),
        ...(second === undefined ? [] : [points.map((point) => second(point) ?? null)]),
      ],
      current,
    );
    return () => plot.destroy();
  }, [width, isDark, points]);
  return (
    <figure class="history">
      <figcaption>
        {label}
        {second !== undefined && <span class="muted"> of rows, and stored (weaker line)</span>}
      </figcaption>
      <div ref={box} class="plot" />
    </figure>
  );
}
