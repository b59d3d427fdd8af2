import * as z from 'zod';
import { Count, Digest } from '../base/document.ts';
import { heapFields, type Pair, replaced } from './heap.ts';
import { historyDifference, historyFields } from './history.ts';
import type { Reason } from './reasons.ts';

/** The times of files of heap tables (docs/design/0023-witnesses-of-greenplum-and-files.md). */
export const FileStampSource = z.object({
  kind: z.literal('file-stamp'),
  ...historyFields,
  /** When the CHECKPOINT before the barrier had ended: seconds of the server's clock since 1970. */
  checkpointedAt: Count,
});
export type FileStampSource = z.infer<typeof FileStampSource>;

export const FileStampWitness = z.object({
  kind: z.literal('file-stamp'),
  ...heapFields,
  /** Of path, size and times of its files, and of those of its TOAST table. */
  stamp: Digest,
  /** The newest of these times, as `checkpointedAt`. */
  newest: Count,
});
export type FileStampWitness = z.infer<typeof FileStampWitness>;

/**
 * The server tells these times in whole seconds: two writes within one second look the same. With
 * less than 2 s, tables that had changed were taken for unchanged.
 */
export const STAMP_MARGIN_SECONDS = 2;

/** Why pages may differ. Undefined = no page was written since the base, nor had to be. */
export function fileStampDifference(
  base: Pair<FileStampSource, FileStampWitness>,
  now: Pair<FileStampSource, FileStampWitness>,
): Reason | undefined {
  const other = historyDifference(base.source, now.source) ?? replaced(base.witness, now.witness);
  if (other !== undefined) return other;
  if (base.witness.stamp !== now.witness.stamp) return 'changed';
  return isUsable(base) && isUsable(now) ? undefined : 'changed-recently';
}

function isUsable({ source, witness }: Pair<FileStampSource, FileStampWitness>): boolean {
  return witness.newest <= source.checkpointedAt - STAMP_MARGIN_SECONDS;
}
