import * as z from 'zod';
import { heapFields, type Pair } from './heap.ts';
import type { Reason } from './reasons.ts';

/** Greenplum's AO and AOCO tables. The values and the rule come with the provider (helper gw). */
export const AppendOptimizedSource = z.object({ kind: z.literal('append-optimized') });
export type AppendOptimizedSource = z.infer<typeof AppendOptimizedSource>;

export const AppendOptimizedWitness = z.object({
  kind: z.literal('append-optimized'),
  ...heapFields,
});
export type AppendOptimizedWitness = z.infer<typeof AppendOptimizedWitness>;

/** Without a rule, nothing is unchanged. */
export function appendOptimizedDifference(
  _base: Pair<AppendOptimizedSource, AppendOptimizedWitness>,
  _now: Pair<AppendOptimizedSource, AppendOptimizedWitness>,
): Reason | undefined {
  return 'history-unknown';
}
