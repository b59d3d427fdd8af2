const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The days, as prefixes, whose sets or restores can have orders. The coordinator names them by its
 * own clock, which may be ahead of the store's: shortly before midnight tomorrow counts, too.
 * @param now the store's time: the clock of this host may be wrong.
 */
export function recentDays(now: Date, prefixOf: (day: Date) => string): string[] {
  const instants = [-DAY_MS, 0, HOUR_MS].map((ms) => new Date(now.getTime() + ms));
  return [...new Set(instants.map(prefixOf))];
}
