import * as z from 'zod';

const UNITS_MS = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** Hours, days or weeks, e.g. `12h`; 0 = no time at all. */
export const Duration = z.union([
  z.literal(0),
  z.string().regex(/^[1-9]\d{0,3}[hdw]$/, 'must be 0 or a duration such as 12h, 7d or 2w'),
]);
export type Duration = z.infer<typeof Duration>;

export function durationMs(duration: Duration): number {
  if (duration === 0) return 0;
  const unit = duration.at(-1) as keyof typeof UNITS_MS;
  return Number.parseInt(duration, 10) * UNITS_MS[unit];
}
