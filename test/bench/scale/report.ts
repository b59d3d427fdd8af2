import { extentsOf } from './series.ts';
import type { SetSize, WrittenSet } from './set.ts';
import { FUNCTION_MEGABYTES, type Measured, WORKS, type Work } from './work.ts';

/** The measurement of one function on one set. */
export interface Row {
  readonly series: string;
  readonly size: SetSize;
  readonly set: WrittenSet;
  readonly work: Work;
  readonly measured: Measured;
}

/** A row per set: CPU time and memory of each function. */
export function tableOf(rows: readonly Row[]): string {
  const sets = Map.groupBy(rows, ({ series, size }) => `${series} ${JSON.stringify(size)}`);
  const lines = [...sets.values()].flatMap(([first, ...rest]) => {
    if (first === undefined) return [];
    const { series, size, set } = first;
    const about = [
      series,
      `${size.contents} × ${size.relations} × ${size.extents}`,
      `${(set.documentBytes / 1e6).toFixed(0)} MB`,
    ];
    const measured = new Map([first, ...rest].map((row) => [row.work, row.measured]));
    return [[...about, ...WORKS.map((work) => cellOf(work, measured.get(work)))]];
  });
  return markdown(
    ['growing dimension', 'segments × relations × extents', 'documents', ...WORKS],
    lines,
  );
}

function cellOf(work: Work, measured: Measured | undefined): string {
  if (measured === undefined) return '';
  if ('failed' in measured) return `**${measured.failed}**`;
  const { cpuSeconds, peakRssMib } = measured;
  const peak = `${peakRssMib.toFixed(0)} MiB`;
  return `${cpuSeconds.toFixed(1)} s, ${peakRssMib > FUNCTION_MEGABYTES[work] ? `**${peak}**` : peak}`;
}

/** A row per series: growth of CPU and memory as a power of the number of extents; 1 is linear. */
export function growthOf(rows: readonly Row[]): string {
  const lines = [...Map.groupBy(rows, ({ series }) => series)].map(([series, several]) => [
    series,
    ...WORKS.map((work) => {
      const points = several.flatMap(({ size, work: its, measured }) =>
        its !== work || 'failed' in measured ? [] : [{ ...measured, extents: extentsOf(size) }],
      );
      if (points.length < 3) return '';
      const cpu = exponent(points.map(({ extents, cpuSeconds }) => [extents, cpuSeconds]));
      const memory = exponent(points.map(({ extents, peakRssMib }) => [extents, peakRssMib]));
      return `${cpu.toFixed(2)}, ${memory.toFixed(2)}`;
    }),
  ]);
  return markdown(['growing dimension', ...WORKS], lines);
}

/** CPU microseconds per extent in the largest set of a series. */
export function microsPerExtent(
  rows: readonly Row[],
  series: string,
  work: Work,
): number | undefined {
  const costs = rows.flatMap(({ measured, size, ...row }) =>
    row.series !== series || row.work !== work || 'failed' in measured
      ? []
      : [(measured.cpuSeconds / extentsOf(size)) * 1e6],
  );
  return costs.at(-1);
}

/** The slope of the regression line through the points on logarithmic scales. */
function exponent(points: readonly (readonly [number, number])[]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (of: (point: readonly [number, number]) => number) =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  const covariance = mean(([x, y]) => (x - meanX) * (y - meanY));
  return covariance / mean(([x]) => (x - meanX) ** 2);
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
