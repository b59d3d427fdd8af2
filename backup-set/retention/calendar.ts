/** The periods of the rules keepHourly … keepYearly. */
export const PERIODS = ['hour', 'day', 'week', 'month', 'year'] as const;
export type Period = (typeof PERIODS)[number];

/** Names the period of a time in a time zone. Two times have one name when they share a period. */
export function calendar(timeZone: string): (at: Date, period: Period) => string {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    timeZoneName: 'longOffset',
  });
  return (at, period) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? '';
    const year = part('year').padStart(4, '0');
    switch (period) {
      case 'year':
        return year;
      case 'month':
        return `${year}-${part('month')}`;
      case 'week':
        return weekOf(Number(year), Number(part('month')), Number(part('day')));
      case 'day':
        return `${year}-${part('month')}-${part('day')}`;
      case 'hour':
        // In autumn an hour comes twice: the offset tells the two apart.
        return `${year}-${part('month')}-${part('day')} ${part('hour')} ${part('timeZoneName')}`;
    }
  };
}

/** ISO 8601: weeks begin on Monday, and belong to the year that has their Thursday. */
function weekOf(year: number, month: number, day: number): string {
  const date = new Date(Date.UTC(year, month - 1, day));
  const thursday = new Date(date);
  thursday.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7) + 3);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = Math.floor((thursday.getTime() - first) / (7 * 86_400_000)) + 1;
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
