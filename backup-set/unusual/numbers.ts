import { type Selector, selector } from '../base/selection.ts';
import type { Manifest } from '../documents/manifest.ts';
import { type TableNumbers, tableKey, tablesOf } from '../numbers/tables.ts';

/** What a comparison keeps of a manifest, which is many times as large. */
export interface SetNumbers {
  readonly timestamp: string;
  /** Sets with the same text are of the same cluster, database and kind. */
  readonly kind: string;
  /** Whether its selection has a table. */
  readonly selects: Selector;
  /** Sets with the same text have chosen the same tables. */
  readonly selected: string;
  readonly tables: ReadonlyMap<string, TableNumbers>;
  /** Tables without rows in the set, and why. */
  readonly notShipped: ReadonlyMap<string, string>;
  /** Rows of each content; none in a cluster with a coordinator, where rows move between them. */
  readonly contents: ReadonlyMap<number, number>;
  readonly elapsedMs: number;
  /** Of a set with a base. */
  readonly carried?: { readonly usedBytes: number; readonly share: number };
}

export function numbersOf(manifest: Manifest): SetNumbers {
  const { timestamp, selection, totals, contents, notShipped } = manifest;
  return {
    timestamp,
    kind: kindOf(manifest),
    selects: selector(selection),
    selected: JSON.stringify(selection),
    tables: tablesOf(manifest),
    // A root is there when a leaf is.
    notShipped: new Map([
      ...notShipped.flatMap(({ partitionRoot, reason }) =>
        partitionRoot ? [[tableKey(partitionRoot), reason] as const] : [],
      ),
      ...notShipped.map((table) => [tableKey(table), table.reason] as const),
    ]),
    contents: new Map(
      contents.some(({ content }) => content === -1)
        ? []
        : contents.map(({ content, totals: { rows } }) => [content, rows]),
    ),
    elapsedMs: Math.max(0, Date.parse(manifest.sealedAt) - Date.parse(manifest.startedAt)),
    ...carriedOf(totals),
  };
}

/** Of which cluster and database a set is, and what made it. */
export function kindOf({ cluster, flavour, database, source }: Manifest): string {
  return JSON.stringify([cluster, flavour, database, source?.tool ?? '']);
}

function carriedOf({ newBytes, usedBytes }: Manifest['totals']): Pick<SetNumbers, 'carried'> {
  if (newBytes === undefined || usedBytes === undefined || usedBytes === 0) return {};
  return { carried: { usedBytes, share: Math.max(0, 1 - newBytes / usedBytes) } };
}

/**
 * Whether a set would have the table if the database had it. The leaves of a root can be chosen one
 * by one, so its sum is known only to sets with the selection of `other`.
 */
export function covers(set: SetNumbers, other: SetNumbers, table: TableNumbers): boolean {
  if (set.selected === other.selected) return true;
  return table.kind !== 'root' && set.selects(table, table.root);
}
