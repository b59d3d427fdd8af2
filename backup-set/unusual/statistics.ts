/** Makes the MAD of normally distributed values their standard deviation. */
const TO_DEVIATION = 1.4826;
/** Deviations from the median that are still usual. */
const DEVIATIONS_MAX = 3;
/** Of so many older sets, one may have a value as far out. */
const SETS_PER_ACCIDENT = 8;

/** The middle of the values, by size; the mean of both when there are two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/**
 * How far values lie from their median, as a standard deviation. Median and MAD, because a single
 * odd value moves neither (docs/design/0043-unusual-sets.md).
 */
export function deviation(values: readonly number[]): number {
  const middle = median(values);
  return TO_DEVIATION * median(values.map((value) => Math.abs(value - middle)));
}

export interface Change {
  /** Which way is unusual. */
  readonly to: 'less' | 'more';
  /** The least share of the older value that the change must have: 0.2 is 20 %. */
  readonly share: number;
}

/**
 * Whether a value is unusual after those of older sets, which are given newest first.
 * 1. It differs from the newest by the share: a change is reported once.
 * 2. It is further from the median than the values usually are: what always varies is usual.
 * 3. At most one older value in eight was as far out: what happens every Sunday is usual.
 */
export function isUnusual(is: number, older: readonly number[], change: Change): boolean {
  const [newest] = older;
  if (newest === undefined || !hasChanged(newest, is, change)) return false;
  const distance = change.to === 'less' ? median(older) - is : is - median(older);
  if (distance <= DEVIATIONS_MAX * deviation(older)) return false;
  const alike = older.filter((was) => !hasChanged(was, is, change)).length;
  return alike <= Math.floor(older.length / SETS_PER_ACCIDENT);
}

function hasChanged(was: number, is: number, { to, share }: Change): boolean {
  return to === 'less' ? is < was && is <= was * (1 - share) : is > was && is >= was * (1 + share);
}
