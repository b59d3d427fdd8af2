import type { OneSet } from '../../functions/serve/console/api.ts';
import { codeOfCount } from '../../functions/serve/console/cells/codes.ts';
import type { View } from './colours.ts';

/** The codes at which the ramp of amounts begins and ends. */
export interface AmountRange {
  readonly first: number;
  readonly last: number;
}

const ranges = new WeakMap<OneSet, Partial<Record<View, AmountRange>>>();

/** From a small table's mean per segment to the double of the largest: most cells differ then. */
export function amountRange(set: OneSet, view: View): AmountRange {
  const known = ranges.get(set) ?? {};
  ranges.set(set, known);
  const range = known[view] ?? rangeOf(set, view);
  known[view] = range;
  return range;
}

const SMALL_SHARE = 0.05;

function rangeOf({ tables }: OneSet, view: View): AmountRange {
  const amounts = view === 'rows' ? tables.rows : tables.bytes;
  const means = amounts
    .map((amount, at) => amount / Math.max(1, tables.contents[at] ?? 1))
    .filter((mean) => mean > 0)
    .sort((a, b) => a - b);
  const small = means[Math.floor(means.length * SMALL_SHARE)] ?? 1;
  const first = codeOfCount(Math.max(1, small));
  return { first, last: Math.max(first + 8, codeOfCount(2 * (means.at(-1) ?? 1))) };
}
