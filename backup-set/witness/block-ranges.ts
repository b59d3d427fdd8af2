import * as z from 'zod';
import { Count } from '../base/document.ts';
import { Ranges } from '../documents/plan.ts';

/** A table of 32 TiB, the largest that PostgreSQL has, in ranges of 4,096 blocks. */
const RANGES_MAX = 2 ** 20;

/**
 * A table as ranges of as many blocks each. The last one has no end, so they cover the table
 * whatever size it has.
 */
export const BlockRanges = z.object({
  /** Blocks per range. */
  blocks: Count.min(1),
  count: Count.min(1).max(RANGES_MAX),
  /** Ranges with changed blocks since the base. Absent = not known, or more than blocks changed. */
  changed: Ranges.exactOptional(),
});
export type BlockRanges = z.infer<typeof BlockRanges>;
