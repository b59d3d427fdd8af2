/** `1y6m`, `2w`, `7d`, `12h`: years, months, weeks, days, hours. */
export const DURATION =
  /^(?:(\d{1,4})y)?(?:(\d{1,4})m)?(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?$/;

interface Period {
  readonly months: number;
  readonly hours: number;
}

/** Undefined for a text that is not a duration. */
export function periodOf(text: string): Period | undefined {
  const parts = DURATION.exec(text);
  if (parts === null || text === '') return undefined;
  const [years = 0, months = 0, weeks = 0, days = 0, hours = 0] = parts
    .slice(1)
    .map((part) => Number(part ?? 0));
  return { months: years * 12 + months, hours: (weeks * 7 + days) * 24 + hours };
}

/** The time so long before another, in UTC. 31 March less a month is 28 February. */
export function earlier(end: Date, duration: string): Date {
  const { months, hours } = periodOf(duration) ?? { months: 0, hours: 0 };
  const shifted = new Date(end);
  shifted.setUTCDate(1);
  shifted.setUTCMonth(end.getUTCMonth() - months);
  const lastDay = new Date(Date.UTC(shifted.getUTCFullYear(), shifted.getUTCMonth() + 1, 0));
  shifted.setUTCDate(Math.min(end.getUTCDate(), lastDay.getUTCDate()));
  return new Date(shifted.getTime() - hours * 3600_000);
}
