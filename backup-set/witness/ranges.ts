import { idsOf, type Ranges, rangesOf } from '../documents/plan.ts';
import type { BlockRanges } from './block-ranges.ts';
import type { RelationWitness } from './kinds.ts';

/** A relation of the base, as its part of the manifest has it. */
interface InBase {
  readonly witness?: RelationWitness;
  readonly rowFormat?: 'binary';
  readonly readRanges?: Ranges;
}

/** The ranges of a table. Absent = it is read as a whole. */
export const rangesIn = (witness: RelationWitness | undefined): BlockRanges | undefined =>
  witness?.kind === 'wal-summary' ? witness.ranges : undefined;

/** The ranges by which the base has its rows. */
export const rangesInBase = (before: InBase | undefined): BlockRanges | undefined =>
  before?.readRanges === undefined || before.rowFormat !== undefined
    ? undefined
    : rangesIn(before.witness);

/** What is read of a table that is read from its first block to its last. */
export function allRanges(witness: RelationWitness): Ranges | undefined {
  const ranges = rangesIn(witness);
  return ranges && [[0, ranges.count - 1]];
}

/** What is read of a table of which no row changed: nothing, by the same ranges as in the base. */
export function unreadRanges(before: InBase, witness: RelationWitness): Ranges | undefined {
  const [base, now] = [rangesInBase(before), rangesIn(witness)];
  return base?.count === now?.count && base?.blocks === now?.blocks && base ? [] : undefined;
}

/**
 * What must be read of a table in which blocks changed. Coordinator and fold both decide by it.
 * @returns undefined = everything.
 */
export function changedRanges(
  before: InBase | undefined,
  witness: RelationWitness,
): Ranges | undefined {
  const [base, now] = [rangesInBase(before), rangesIn(witness)];
  if (base === undefined || now?.changed === undefined) return undefined;
  if (base.blocks !== now.blocks || now.count < base.count) return undefined;
  // Only TOAST blocks changed, which a statement of SQL never does alone.
  if (now.changed.length === 0) return undefined;
  if (now.changed.some(([first, last]) => first > last || last >= now.count)) return undefined;
  // The last range of the base has no end: it has rows of all the ranges behind it.
  const grown: Ranges = now.count > base.count ? [[base.count - 1, now.count - 1]] : [];
  const read = rangesOf(idsOf([...now.changed, ...grown]));
  return isSame(read, [[0, now.count - 1]]) ? undefined : read;
}

/** Whether two lists, as `rangesOf` gives them, have the same ranges. */
export const isSame = (one: Ranges | undefined, other: Ranges | undefined): boolean =>
  JSON.stringify(one) === JSON.stringify(other);
