import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { ConsoleSet } from '../../functions/serve/console/api.ts';
import { bytes, instantOf, localTime, short } from '../base/format.ts';
import { measured } from '../base/measure.ts';
import { addressOf } from '../base/route.ts';
import { dateLabels } from '../parts/date-labels.ts';
import { Chip, isUnfinished, stateOf } from '../parts/pieces.tsx';
import { colour, useDark, useWidth } from '../parts/theme.ts';

const HEIGHT = 150;
const PHONE = 500;

/** Sets as bars: what each uses in the store, what it added, and its state below. */
export function TimeLine({
  sets,
  now,
  root,
}: {
  readonly sets: readonly ConsoleSet[];
  readonly now: number;
  readonly root: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const width = useWidth(box);
  const isDark = useDark();
  const [at, setAt] = useState<number | undefined>();
  const oldest = useMemo(() => sets.toReversed(), [sets]);
  const identity = oldest
    .map((set) => `${set.timestamp} ${stateOf(set)} ${set.storedBytes}`)
    .join();

  useEffect(() => {
    const { current } = box;
    if (current === null || width === 0 || oldest.length === 0) return undefined;
    const made = new uPlot(optionsOf(width, oldest, setAt), dataOf(oldest), current);
    plot.current = made;
    return () => made.destroy();
  }, [width, isDark, identity]);

  const shown = at === undefined ? undefined : oldest[at];
  const open = (set: ConsoleSet | undefined) => {
    if (set !== undefined) location.hash = addressOf(root, pathOf(set));
  };
  if (sets.length === 0) return null;
  return (
    <div class="timeline">
      <p class="readout">
        {shown === undefined ? (
          <span class="muted">
            <i class="swatch total" /> used in the store <i class="swatch new" /> added
            {now - instantOf(sets[0]?.timestamp ?? '') < 0 && ' (a set is from the future)'}
          </span>
        ) : (
          <>
            <strong>{localTime(new Date(instantOf(shown.timestamp)))}</strong>
            <Chip state={stateOf(shown)} />
            <span>
              {bytes(shown.storedBytes)} used, {bytes(shown.newBytes)} added
            </span>
            <span class="muted">{shown.database}</span>
          </>
        )}
      </p>
      <div
        ref={box}
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label="Time line of sets"
        aria-valuemin={0}
        aria-valuemax={oldest.length - 1}
        aria-valuenow={at ?? oldest.length - 1}
        aria-valuetext={
          shown && `${localTime(new Date(instantOf(shown.timestamp)))} ${stateOf(shown)}`
        }
        onClick={() => open(shown)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') open(shown);
          const next = stepOf(event.key, at, oldest.length);
          if (next === undefined) return;
          event.preventDefault();
          setAt(next);
          pointAt(plot.current, next);
          measured('timeline', event.timeStamp);
        }}
      />
    </div>
  );
}

const pathOf = (set: ConsoleSet) =>
  isUnfinished(set) ? ['running', 'backup', set.timestamp] : ['set', set.timestamp];

function stepOf(key: string, at: number | undefined, sets: number): number | undefined {
  const from = at ?? sets;
  if (key === 'ArrowLeft' || key === 'ArrowDown') return Math.max(0, from - 1);
  if (key === 'ArrowRight' || key === 'ArrowUp') return Math.min(sets - 1, from + 1);
  if (key === 'Home') return 0;
  if (key === 'End') return sets - 1;
  return undefined;
}

function pointAt(plot: uPlot | undefined, at: number): void {
  const x = plot?.data[0][at];
  if (plot === undefined || x === undefined) return;
  plot.setCursor({ left: plot.valToPos(x, 'x'), top: plot.over.clientHeight / 2 }, false);
}

const dataOf = (sets: readonly ConsoleSet[]): uPlot.AlignedData => [
  sets.map(({ timestamp }) => instantOf(timestamp) / 1000),
  sets.map(({ storedBytes }) => storedBytes ?? null),
  sets.map(({ newBytes }) => newBytes ?? null),
];

function optionsOf(
  width: number,
  sets: readonly ConsoleSet[],
  onSet: (at: number | undefined) => void,
): uPlot.Options {
  const axis = {
    stroke: colour('muted'),
    font: `11px ${colour('sans')}`,
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
  };
  // uPlot makes bars as wide as the smallest gap: two sets of one day would make hairlines.
  const series = { paths: () => null, points: { show: false } };
  const times = sets.map(({ timestamp }) => instantOf(timestamp) / 1000);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const margin = Math.max(43_200, (last - first) * 0.012);
  return {
    width,
    height: HEIGHT,
    padding: [6, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: [first - margin, last + margin] },
      y: { range: (_, __, most) => [0, Math.max(1, most * 1.08)] },
    },
    axes: [
      { ...axis, size: 34, gap: 12, space: 70, grid: { show: false }, values: dateLabels },
      {
        ...axis,
        size: width < PHONE ? 44 : 56,
        space: 34,
        values: (_, splits) => splits.map((split) => (split === 0 ? '' : `${short(split)}B`)),
      },
    ],
    series: [{}, series, series],
    hooks: {
      setCursor: [({ cursor }) => onSet(cursor.idx ?? undefined)],
      draw: [(plot) => drawBars(plot, sets), (plot) => drawStates(plot, sets)],
    },
  };
}

const BAR_MIN = 2;
const BAR_MAX = 14;

/** What a set uses, and in front of it what it added. */
function drawBars(plot: uPlot, sets: readonly ConsoleSet[]): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const share = bbox.width / scale / Math.max(1, sets.length) / 1.5;
  const wide = Math.round(Math.min(BAR_MAX, Math.max(BAR_MIN, share)) * scale);
  const ground = bbox.top + bbox.height;
  for (const { timestamp, storedBytes = 0, newBytes = 0 } of sets) {
    const x = Math.round(plot.valToPos(instantOf(timestamp) / 1000, 'x', true) - wide / 2);
    for (const [name, size] of [
      ['total', storedBytes],
      ['new', newBytes],
    ] as const) {
      if (size === 0) continue;
      const top = Math.round(plot.valToPos(size, 'y', true));
      ctx.fillStyle = colour(name);
      ctx.fillRect(x, Math.min(top, ground - scale), wide, Math.max(scale, ground - top));
    }
  }
}

/** A mark under each bar; what is not complete is a taller mark of its colour. */
function drawStates(plot: uPlot, sets: readonly ConsoleSet[]): void {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  const below = bbox.top + bbox.height + 3 * scale;
  for (const set of sets) {
    const state = stateOf(set);
    const x = plot.valToPos(instantOf(set.timestamp) / 1000, 'x', true);
    const isCalm = state === 'complete' || state === 'expired';
    const half = (isCalm ? 1.5 : 2.5) * scale;
    ctx.fillStyle = colour(`state-${state}`);
    ctx.fillRect(x - half, below, 2 * half, (isCalm ? 4 : 8) * scale);
  }
}
