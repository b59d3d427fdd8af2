import * as z from 'zod';
import { Digest } from '../base/document.ts';
import { heapFields, type Pair, replaced } from './heap.ts';
import { historyDifference, historyFields } from './history.ts';
import type { Reason } from './reasons.ts';

/** Greenplum's AO and AOCO tables (docs/design/0023-witnesses-of-greenplum-and-files.md). */
export const AppendOptimizedSource = z.object({
  kind: z.literal('append-optimized'),
  ...historyFields,
});
export type AppendOptimizedSource = z.infer<typeof AppendOptimizedSource>;

export const AppendOptimizedWitness = z.object({
  kind: z.literal('append-optimized'),
  ...heapFields,
  /** Of all rows of its pg_aoseg or pg_aocsseg relation: where its files end. */
  files: Digest,
  /** Of all rows of its pg_aovisimap relation: which rows are deleted. */
  hidden: Digest,
});
export type AppendOptimizedWitness = z.infer<typeof AppendOptimizedWitness>;

/** Why the rows may differ. Undefined = its files end where they ended, and hide the same rows. */
export function appendOptimizedDifference(
  base: Pair<AppendOptimizedSource, AppendOptimizedWitness>,
  now: Pair<AppendOptimizedSource, AppendOptimizedWitness>,
): Reason | undefined {
  const other = historyDifference(base.source, now.source) ?? replaced(base.witness, now.witness);
  if (other !== undefined) return other;
  const isSame =
    base.witness.files === now.witness.files && base.witness.hidden === now.witness.hidden;
  return isSame ? undefined : 'changed';
}
