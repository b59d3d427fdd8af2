import type { Phase } from '../../../backup-set/base/keys.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { ClusterContext } from '../../context.ts';
import { bytes, duration, rate } from '../../output/format.ts';
import type { SegmentProgress } from '../../output/progress.ts';

/** What a phase does, for the lines before it. */
export const PHASE_WORK: Readonly<Record<Phase, string>> = {
  verify: 'reading all objects',
  'pre-data': 'creating tables',
  data: 'loading rows',
  'post-data': 'building indexes and keys',
  analyze: 'analyzing',
};

/** Says how long a phase took, and how fast it was. */
export function notePhase(
  { output }: Pick<ClusterContext, 'output'>,
  phase: Phase,
  lines: readonly SegmentProgress[],
  elapsedMs: number,
): void {
  const sum = (of: (line: SegmentProgress) => number) =>
    lines.reduce((total, line) => total + of(line), 0);
  const storedBytes = sum((line) => line.storedBytes);
  const rows = sum((line) => line.rows);
  const read = [`${bytes(storedBytes)} read`, rate(storedBytes, elapsedMs)];
  const loaded = [
    plural(rows, 'row'),
    `${bytes(sum((line) => line.bytes))} (${rate(
      sum((line) => line.bytes),
      elapsedMs,
    )})`,
  ];
  const objects = sum((line) => line.objectsDone ?? 0);
  const what =
    phase === 'verify'
      ? read
      : phase === 'data'
        ? loaded
        : objects > 0
          ? [plural(objects, 'object')]
          : [];
  output.note(
    'phase',
    { phase, elapsedMs, storedBytes, rows, objects },
    `phase ${phase}: ${[duration(elapsedMs), ...what].join(', ')}`,
  );
}
