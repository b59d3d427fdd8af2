import { StowageError } from '../../backup-set/base/errors.ts';
import {
  parsePattern,
  type QualifiedName,
  type Selection,
  selector,
} from '../../backup-set/base/selection.ts';
import { count } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { type TableNumbers, tableKey, tablesOf } from '../../backup-set/numbers/tables.ts';
import type { Deps } from '../deps.ts';
import { eachManifest, type LookedAt, type Window } from './manifests.ts';

/** What a set knows about the tables that a pattern names. */
export interface SetTables {
  readonly timestamp: string;
  readonly takenAt: string;
  readonly database: string;
  readonly cluster: string;
  /** Ordered by name. A leaf is listed when its root is not. */
  readonly tables: readonly TableNumbers[];
  /** Tables of the pattern that the database had and that have no rows in the set. */
  readonly notShipped: readonly (QualifiedName & {
    readonly reason: string;
    readonly partitionRoot?: QualifiedName | null | undefined;
  })[];
  readonly selection: Selection;
}

/** Numbers kept, over all sets: `*.*` on a large database would otherwise take all memory. */
const NUMBERS_MAX = 500_000;

/** @throws StowageError `usage/flag`: to leave out some of them would look like tables dropped. */
export function requireFew(numbers: number, pattern: string, max = NUMBERS_MAX): void {
  if (numbers <= max) return;
  throw new StowageError(
    'usage/flag',
    `${JSON.stringify(pattern)} names too many tables in these sets: more than ${count(max)} numbers. Name fewer tables, or fewer sets with --last, --since or --database`,
    { where: { field: 'table' } },
  );
}

export interface TableSearch extends Window {
  /** List the leaves of a partitioned table, too, where the pattern names both. */
  readonly leaves?: boolean | undefined;
  /** Tests set a lower limit. */
  readonly numbersMax?: number | undefined;
}

/**
 * The tables that a pattern names in every set of a window, from manifests alone.
 * @param pattern as --include-table has it; without a schema, any schema.
 * @throws StowageError `usage/flag` when that is more than memory should hold.
 */
export async function lookForTables(
  deps: Deps,
  pattern: string,
  search: TableSearch = {},
): Promise<LookedAt<SetTables>> {
  const isNamed = namedBy(pattern);
  let numbers = 0;
  return eachManifest(deps, search, (manifest) => {
    const found = setTables(manifest, isNamed, search.leaves === true);
    numbers += found.tables.length + found.notShipped.length;
    requireFew(numbers, pattern, search.numbersMax);
    return found;
  });
}

/** Whether a pattern names a table. A malformed pattern names none. */
export function namedBy(pattern: string): (table: QualifiedName) => boolean {
  const parts = parsePattern(pattern) ?? [];
  const [first, second, third] = parts;
  if (first === undefined || third !== undefined) return () => false;
  if (second === undefined) return ({ name }) => first.test(name);
  return ({ schema, name }) => first.test(schema) && second.test(name);
}

function setTables(
  manifest: Manifest,
  isNamed: (table: QualifiedName) => boolean,
  leaves: boolean,
): SetTables {
  const { timestamp, snapshot, database, cluster, selection } = manifest;
  const named = [...tablesOf(manifest).values()].filter(isNamed);
  const roots = new Set(named.filter(({ kind }) => kind === 'root').map(tableKey));
  const tables = named.filter(
    ({ root }) => leaves || root === undefined || !roots.has(tableKey(root)),
  );
  return {
    timestamp,
    takenAt: snapshot.takenAt,
    database,
    cluster,
    tables: tables.toSorted(byName),
    notShipped: manifest.notShipped
      .filter((one) => isNamed(one) || (one.partitionRoot && isNamed(one.partitionRoot)))
      .map(({ schema, name, reason, partitionRoot }) => ({ schema, name, reason, partitionRoot })),
    selection,
  };
}

export function byName(one: QualifiedName, other: QualifiedName): number {
  return compare(one.schema, other.schema) || compare(one.name, other.name);
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

/** Why a set has no rows of a table. */
export type Absence =
  /** The backup was of other tables. */
  | { readonly why: 'not-selected' }
  /** The database had the table; `reason` is that of `notShipped[]`. */
  | { readonly why: 'not-shipped'; readonly reason: string }
  /** The database had no such table. */
  | { readonly why: 'not-there' };

/** Why a set has no rows of a table. Prepared once for many tables. */
export function absencesIn(
  set: SetTables,
): (table: Pick<TableNumbers, 'schema' | 'name' | 'root'>) => Absence {
  const selects = selector(set.selection);
  return (table) => {
    const isTable = (one: QualifiedName | null | undefined) =>
      one?.schema === table.schema && one.name === table.name;
    // A root has no rows of its own: it is there when a leaf is.
    const shipped =
      set.notShipped.find(isTable) ??
      set.notShipped.find(({ partitionRoot }) => isTable(partitionRoot));
    if (!selects(table, table.root)) return { why: 'not-selected' };
    return shipped === undefined
      ? { why: 'not-there' }
      : { why: 'not-shipped', reason: shipped.reason };
  };
}
