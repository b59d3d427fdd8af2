import type { TableNumbers } from '../numbers/tables.ts';
import { covers, type SetNumbers } from './numbers.ts';
import { type Change, isUnusual } from './statistics.ts';

/** A table of the set, and its numbers in the older sets that have it, newest first. */
export interface TableSeries {
  readonly table: TableNumbers;
  readonly older: readonly { readonly timestamp: string; readonly table: TableNumbers }[];
}

/** The tables that the set and at least one older set have. */
export function tableSeries(set: SetNumbers, older: readonly SetNumbers[]): TableSeries[] {
  return [...set.tables].flatMap(([key, table]) => {
    const known = older.flatMap((one) => {
      const was = one.tables.get(key);
      const isKnown = was !== undefined && covers(one, set, table) && covers(set, one, was);
      return isKnown ? [{ timestamp: one.timestamp, table: was }] : [];
    });
    return known.length === 0 ? [] : [{ table, older: known }];
  });
}

/** Whether a value is unusual; never with 0 percent, which turns the comparison off. */
export function isFar(
  is: number,
  older: readonly number[],
  to: Change['to'],
  percent: number,
): boolean {
  return percent > 0 && isUnusual(is, older, { to, share: percent / 100 });
}
