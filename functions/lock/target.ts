import type { DefaultRetention, Retention } from '../../storage/lock.ts';

const DAY_MS = 24 * 3_600_000;

/**
 * Until when the objects of a set stay locked: so many days after its manifest was stored. Pure.
 * @returns undefined when the bucket locks nothing by default: what the set wrote is not locked.
 */
export function lockTarget(
  committedAt: Date,
  bucket: DefaultRetention | undefined,
  lockDays?: number,
): Retention | undefined {
  const { mode, days } = bucket ?? {};
  if (mode === undefined || days === undefined) return undefined;
  return { mode, until: new Date(committedAt.getTime() + (lockDays ?? days) * DAY_MS) };
}
