import { extentsOf } from './scale-series.ts';
import type { SetSize, WrittenSet } from './scale-set.ts';
import { FUNCTION_MEGABYTES, type Measured, type Work } from './scale-work.ts';

/** One function's work on one set. */
export interface Row {
  readonly series: string;
  readonly size: SetSize;
  readonly set: WrittenSet;
  readonly work: Work;
  readonly measured: Measured;
}

/** A line per set and work, then a line per series and work that tells how it grows. */
export function reportOf(rows: readonly Row[]): string {
  return [...tableOf(rows), '', ...growthOf(rows)].join('\n');
}

function tableOf(rows: readonly Row[]): string[] {
  return [
    '| set grows in | segments × relations × extents | extents | documents, MB | work | wall, s | CPU, s | CPU, µs an extent | peak, MiB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(({ series, size, set, work, measured }) => {
      const { contents, relations, extents } = size;
      const about = [series, `${contents} × ${relations} × ${extents}`, count(extentsOf(size))];
      const told = [...about, (set.documentBytes / 1e6).toFixed(0), work];
      if ('failed' in measured) return line([...told, measured.failed, '', '', '']);
      const { wallSeconds, cpuSeconds, peakRssMib } = measured;
      const each = (cpuSeconds / extentsOf(size)) * 1e6;
      const peak = `${peakRssMib.toFixed(0)}${peakRssMib > FUNCTION_MEGABYTES[work] ? ' (too much)' : ''}`;
      return line([...told, wallSeconds.toFixed(1), cpuSeconds.toFixed(1), each.toFixed(1), peak]);
    }),
  ];
}

/** CPU as a power of the number of extents: 1 is linear, 2 would be quadratic. */
function growthOf(rows: readonly Row[]): string[] {
  const series = Map.groupBy(rows, (row) => `${row.series}|${row.work}`);
  const lines = [...series.values()].flatMap((several) => {
    const points = several.flatMap(({ size, measured }) =>
      'failed' in measured ? [] : [{ ...measured, extents: extentsOf(size) }],
    );
    const [first] = several;
    if (first === undefined || points.length < 3) return [];
    const grows = {
      cpu: exponent(points.map(({ extents, cpuSeconds }) => [extents, cpuSeconds])),
      memory: exponent(points.map(({ extents, peakRssMib }) => [extents, peakRssMib])),
    };
    const word = grows.cpu > LINEAR_MAX ? 'more than linear' : grows.cpu < FLAT_MAX ? 'less' : 'linear';
    return [line([first.series, first.work, grows.cpu.toFixed(2), word, grows.memory.toFixed(2)])];
  });
  const head = [
    '| set grows in | work | CPU ~ extents^ | which is | memory ~ extents^ |',
    '| --- | --- | --- | --- | --- |',
  ];
  return lines.length === 0 ? [] : [...head, ...lines];
}

/** What one noisy run of a linear thing still gives. */
const [FLAT_MAX, LINEAR_MAX] = [0.85, 1.15];

/** The slope of the straight line nearest to the points on logarithmic scales. */
function exponent(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (of: (point: readonly [number, number]) => number) =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const covariance = mean(([x, y]) => (x - meanX) * (y - meanY));
  return covariance / mean(([x]) => (x - meanX) ** 2);
}

const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const count = (number: number) => number.toLocaleString('en-US');
