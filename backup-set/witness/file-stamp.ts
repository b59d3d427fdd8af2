import * as z from 'zod';
import { heapFields, type Pair } from './heap.ts';
import type { Reason } from './reasons.ts';

/** Files of heap tables. The values and the rule come with the provider (helper gw). */
export const FileStampSource = z.object({ kind: z.literal('file-stamp') });
export type FileStampSource = z.infer<typeof FileStampSource>;

export const FileStampWitness = z.object({ kind: z.literal('file-stamp'), ...heapFields });
export type FileStampWitness = z.infer<typeof FileStampWitness>;

/** Without a rule, nothing is unchanged. */
export function fileStampDifference(
  _base: Pair<FileStampSource, FileStampWitness>,
  _now: Pair<FileStampSource, FileStampWitness>,
): Reason | undefined {
  return 'history-unknown';
}
