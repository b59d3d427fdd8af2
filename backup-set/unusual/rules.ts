import * as z from 'zod';

const Percent = z.int().nonnegative().max(1_000_000);

/** `unusual` of stowage.yaml: when a set differs so much from older sets that it gets a warning. */
export const UnusualRules = z.strictObject({
  /** Older sets to compare with; 0 = no comparison. */
  sets: z.int().nonnegative().max(100).default(14),
  /** Tables with fewer rows are not compared. */
  rowsMin: z.int().nonnegative().default(1000),
  /** Rows or bytes that are gone; 0 = off, as for all percentages. */
  lostPercent: Percent.max(100).default(20),
  /** Rows or bytes in addition. */
  gainedPercent: Percent.default(200),
  /** By how much the compression ratio is lower. */
  compressionPercent: Percent.max(100).default(40),
  /** By how much the share of bytes in older sets is lower. */
  carriedPercent: Percent.max(100).default(40),
  /** By how much a backup took longer. */
  slowerPercent: Percent.default(200),
});
export type UnusualRules = z.infer<typeof UnusualRules>;

export const DEFAULT_RULES: UnusualRules = UnusualRules.parse({});
