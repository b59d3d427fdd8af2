import type { Memory } from './memory.ts';

/** The memory of a process at a time since its start. */
export interface Sample extends Memory {
  readonly second: number;
}

export interface Growth {
  readonly of: 'heap' | 'rss';
  /** Medians of the first and of the last samples after the warm-up. */
  readonly before: number;
  readonly after: number;
  readonly percent: number;
}

/** Share of the samples after the warm-up that makes each of the two medians. */
const PART = 4;

/**
 * Compares the median of the first quarter with that of the last: one sample says little, because
 * it may fall into a sweep. The heap is what is left after a collection, with buffers outside it.
 * @throws RangeError when there are too few samples after the warm-up.
 */
export function growthOf(samples: readonly Sample[], warmUpSeconds: number): Growth[] {
  const kept = samples.filter(({ second }) => second >= warmUpSeconds);
  const size = Math.floor(kept.length / PART);
  if (size === 0) throw new RangeError('too few samples after the warm-up: run it for longer');
  const compare = (of: Growth['of'], bytes: (sample: Sample) => number): Growth => {
    const before = median(kept.slice(0, size).map(bytes));
    const after = median(kept.slice(-size).map(bytes));
    return { of, before, after, percent: (100 * (after - before)) / before };
  };
  return [
    compare('heap', ({ heapUsed, external }) => heapUsed + external),
    compare('rss', ({ rss }) => rss),
  ];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
