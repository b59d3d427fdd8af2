import * as z from 'zod';
import { Tag } from '../documents/plan.ts';
import { DURATION, periodOf } from './duration.ts';

const Sets = z.int().positive();
const Duration = z
  .string()
  .regex(DURATION, 'must be a duration such as 12h, 7d, 2w, 6m, 1y or 1y6m')
  .refine((text) => periodOf(text) !== undefined, 'must not be empty');

/** Rules with restic's meaning (docs/operations.md). Only complete sets count. */
const KeepRules = {
  keepLast: Sets.exactOptional(),
  keepWithin: Duration.exactOptional(),
  keepHourly: Sets.exactOptional(),
  keepDaily: Sets.exactOptional(),
  keepWeekly: Sets.exactOptional(),
  keepMonthly: Sets.exactOptional(),
  keepYearly: Sets.exactOptional(),
};
export type KeepRules = z.infer<z.ZodObject<typeof KeepRules>>;

/** `retention` of stowage.yaml. */
export const RetentionRules = z.strictObject({
  ...KeepRules,
  /** Rules in addition for the sets with a tag. */
  tags: z.record(Tag, z.strictObject(KeepRules)).default({}),
  /** Incomplete and damaged sets go so long after the verdict that says so. */
  keepFailed: Duration.default('7d'),
  /** Finished restores and tasks go so long after their outcome. */
  keepRequests: Duration.default('30d'),
  /** Object Lock: how long a set stays locked; absent = the default of the bucket. */
  lockDays: z.int().positive().max(36_500).exactOptional(),
  /** Between the tombstone of a set and its removal. */
  graceHours: z.number().nonnegative().max(8760).default(24),
  /** `serve` and `sweep` run the expiry so often. */
  everyHours: z.number().positive().max(8760).default(24),
  /** Of the hours, days, weeks, months and years. */
  timeZone: z.string().default('UTC').refine(isTimeZone, 'must be a time zone: Europe/Berlin, UTC'),
});
export type RetentionRules = z.infer<typeof RetentionRules>;

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).format(0) !== '';
  } catch {
    return false;
  }
}
