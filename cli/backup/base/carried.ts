import type { Plan } from '../../../backup-set/documents/plan.ts';
import { bytes } from '../../output/format.ts';

/** How much of the rows lies in packs of older sets. */
export function carriedLines(
  { base }: Pick<Plan, 'base'>,
  { bytes: whole, carriedBytes }: { readonly bytes: number; readonly carriedBytes: number },
): string[] {
  if (base === undefined) return [];
  return [
    `carried ${bytes(carriedBytes)} of ${bytes(whole)} from set ${base.timestamp} and its older sets: the rows are the same`,
  ];
}
