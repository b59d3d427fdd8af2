/** Makes the MAD of normally distributed values their standard deviation. */
const TO_DEVIATION = 1.4826;
/** Deviations from the trend that are still usual. */
const DEVIATIONS_MAX = 3;
/** In so many older sets, a value may have been as far out once. */
const SETS_PER_ACCIDENT = 8;

/** The middle of the values, by size; the mean of both when there are two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** With fewer older sets there is no telling a trend from noise. */
const TREND_SETS_MIN = 4;

/** Where a value is expected, and the usual distance from there, as a standard deviation. */
export interface Trend {
  readonly next: number;
  readonly deviation: number;
}

/**
 * The trend of values that are given newest first: the line with the median of the slopes between
 * all pairs (Theil and Sen), and the MAD of the distances from it. Medians, because a single odd
 * value moves none of them (docs/design/0043-unusual-sets.md).
 */
export function trendOf(values: readonly number[]): Trend {
  const slopes = values.flatMap((newer, at) =>
    values.slice(at + 1).map((older, distance) => (newer - older) / (distance + 1)),
  );
  const slope = slopes.length === 0 ? 0 : median(slopes);
  // What each value would be now, if it had followed the trend since.
  const moved = values.map((value, at) => value + slope * (at + 1));
  const next = median(moved);
  const distances = moved.map((value) => Math.abs(value - next));
  return { next, deviation: TO_DEVIATION * median(distances) };
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
 * 2. It is further from their trend than they usually are: what always varies is usual.
 * 3. It went as far at most once in eight older sets: what happens on every Sunday is usual.
 */
export function isUnusual(is: number, older: readonly number[], change: Change): boolean {
  const [newest] = older;
  if (newest === undefined || !hasChanged(newest, is, change)) return false;
  if (older.length >= TREND_SETS_MIN && !isOffTrend(is, trendOf(older), change)) return false;
  return timesBefore(is, newest, older) <= Math.floor(older.length / SETS_PER_ACCIDENT);
}

/** How much of a change an earlier one must have, to be the like of it. */
const ALIKE_SHARE = 3 / 4;

/**
 * How often the older values went about as far as this one, and came back. A growing table was once
 * as small without ever falling: the oldest values count only where one accident is accepted.
 */
function timesBefore(is: number, newest: number, older: readonly number[]): number {
  const far = newest + ALIKE_SHARE * (is - newest);
  const alike = older.map((was) => (is < newest ? was <= far : was >= far));
  const begins = (at: number) =>
    at + 1 < alike.length ? alike[at + 1] === false : alike.length >= SETS_PER_ACCIDENT;
  return alike.filter((isAlike, at) => isAlike && begins(at)).length;
}

function isOffTrend(is: number, { next, deviation }: Trend, { to }: Change): boolean {
  // A count that falls towards nothing does not fall below it.
  const distance = to === 'less' ? Math.max(0, next) - is : is - next;
  return distance > DEVIATIONS_MAX * deviation;
}

function hasChanged(was: number, is: number, { to, share }: Change): boolean {
  return to === 'less' ? is < was && is <= was * (1 - share) : is > was && is >= was * (1 + share);
}
