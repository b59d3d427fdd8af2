import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { type TableNumbers, tableKey } from '../../backup-set/numbers/tables.ts';
import type { Deps } from '../deps.ts';
import type { LookedAt } from './manifests.ts';
import {
  type Absence,
  absencesIn,
  byName,
  lookForTables,
  requireFew,
  type SetTables,
  type TableSearch,
} from './tables.ts';

/** One table of one database over time. */
export interface TableHistory extends QualifiedName {
  readonly database: string;
  readonly kind: TableNumbers['kind'];
  /** One per complete set of the database, oldest first. */
  readonly points: readonly HistoryPoint[];
}

/** The table in one set: its numbers, or why the set has none. */
export type HistoryPoint = { readonly timestamp: string; readonly takenAt: string } & (
  | Pick<TableNumbers, 'rows' | 'bytes' | 'storedBytes' | 'contents' | 'leaves'>
  | Absence
);

export interface Histories extends Omit<LookedAt<unknown>, 'sets'> {
  readonly histories: readonly TableHistory[];
}

/** Rows and bytes of the tables that a pattern names, over time. One GET per set. */
export async function tableHistories(
  deps: Deps,
  pattern: string,
  search: TableSearch = {},
): Promise<Histories> {
  const { sets, ...rest } = await lookForTables(deps, pattern, search);
  // Tables that come and go have a point in every set, too.
  const names = new Set(sets.flatMap(({ tables }) => tables.map(tableKey)));
  requireFew(names.size * sets.length, pattern, search.numbersMax);
  return { histories: historiesOf(sets), ...rest };
}

/** The same numbers per table. */
export function historiesOf(sets: readonly SetTables[]): TableHistory[] {
  return [...Map.groupBy(sets, ({ database }) => database)]
    .flatMap(([database, own]) => {
      const names = new Map<string, TableNumbers>();
      for (const { tables } of own) for (const table of tables) names.set(tableKey(table), table);
      const columns = own.map((set) => pointsOf(set, names));
      return [...names.values()].map((table, at) => ({
        schema: table.schema,
        name: table.name,
        database,
        kind: table.kind,
        points: columns.flatMap((points) => points[at] ?? []),
      }));
    })
    .toSorted((a, b) => byName(a, b));
}

/** Set by set: to look through every set for every table would be quadratic. */
function pointsOf(
  set: SetTables,
  names: ReadonlyMap<string, TableNumbers>,
): readonly HistoryPoint[] {
  const { timestamp, takenAt, tables } = set;
  const byKey = new Map(tables.map((table) => [tableKey(table), table]));
  const absenceOf = absencesIn(set);
  return [...names].map(([key, known]) => {
    const table = byKey.get(key);
    if (table === undefined) return { timestamp, takenAt, ...absenceOf(known) };
    const { rows, bytes, storedBytes, contents, leaves } = table;
    const volume = { rows, bytes, storedBytes, contents };
    return { timestamp, takenAt, ...volume, ...(leaves !== undefined && { leaves }) };
  });
}
