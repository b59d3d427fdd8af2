import * as z from 'zod';
import { Count } from '../base/document.ts';
import { BlockRanges } from './block-ranges.ts';
import { heapFields, type Pair, replaced } from './heap.ts';
import { Lsn } from './lsn.ts';
import type { Reason } from './reasons.ts';

/** What the server said of its WAL: the same for all tables of a content. */
export const WalSummarySource = z.object({
  kind: z.literal('wal-summary'),
  timeline: Count.min(1),
  /** The position at which writers were stopped. */
  lsn: Lsn,
  /**
   * The WAL summary that covers `lsn`. Another history has others or, where it wrote as many bytes,
   * stored them at another time (seconds of the server's clock).
   */
  anchor: z.object({ start: Lsn, end: Lsn, storedAt: Count }),
  /** `lsn` of the base. Absent = the summaries from there on do not prove anything. */
  since: Lsn.exactOptional(),
});
export type WalSummarySource = z.infer<typeof WalSummarySource>;

export const WalSummaryWitness = z.object({
  kind: z.literal('wal-summary'),
  ...heapFields,
  /** Blocks of the table and its TOAST table that changed after `since`. Absent without it. */
  changedBlocks: Count.exactOptional(),
  /** A large table, that can be read in part. */
  ranges: BlockRanges.exactOptional(),
});
export type WalSummaryWitness = z.infer<typeof WalSummaryWitness>;

/** Why the rows may differ. Undefined = no page has changed between the two barriers. */
export function walSummaryDifference(
  base: Pair<WalSummarySource, WalSummaryWitness>,
  now: Pair<WalSummarySource, WalSummaryWitness>,
): Reason | undefined {
  if (base.source.timeline !== now.source.timeline) return 'timeline-changed';
  if (now.source.since !== base.source.lsn) return 'history-unknown';
  const other = replaced(base.witness, now.witness);
  if (other !== undefined) return other;
  return now.witness.changedBlocks === 0 ? undefined : 'changed';
}
