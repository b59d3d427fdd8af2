import type { QualifiedName } from '../base/selection.ts';
import type { Manifest } from '../documents/manifest.ts';

/** The numbers of a table in a set, over all contents. A root has the sums of its leaves. */
export interface TableNumbers extends QualifiedName {
  readonly kind: 'table' | 'partition' | 'root';
  /** Of a partition. */
  readonly root?: QualifiedName;
  readonly rows: number;
  /** Undefined: the set consists of the files of gpbackup, which have no sizes of tables. */
  readonly bytes: number | undefined;
  readonly storedBytes: number | undefined;
  /** Contents that have it; of a root, the most that one of its leaves has. */
  readonly contents: number;
  /** Of a root: its leaves with rows in the set. */
  readonly leaves?: number;
}

/** Identifies a table among those of a set. */
export function tableKey({ schema, name }: QualifiedName): string {
  return JSON.stringify([schema, name]);
}

/**
 * The tables of a set, its partitioned tables among them, from its manifest alone. A name with
 * other columns in some contents has one entry in the result and several in the manifest.
 */
export function tablesOf(
  manifest: Pick<Manifest, 'relations' | 'files'>,
): Map<string, TableNumbers> {
  const tables = new Map<string, TableNumbers>();
  const add = (table: TableNumbers) => {
    const key = tableKey(table);
    tables.set(key, added(tables.get(key), table));
  };
  const roots = new Map<string, Set<string>>();
  for (const { schema, name, kind, partitionRoot: root, totals } of manifest.relations) {
    const { rows, bytes, storedBytes, contents } = totals;
    const volume = { rows, bytes, storedBytes, contents };
    add({ schema, name, kind, ...(root && { root }), ...volume });
    if (root === undefined) continue;
    const leaves = roots.get(tableKey(root)) ?? new Set();
    roots.set(tableKey(root), leaves.add(tableKey({ schema, name })));
    add({ schema: root.schema, name: root.name, kind: 'root', ...volume, leaves: leaves.size });
  }
  for (const { schema, name, rows } of manifest.files?.tables ?? [])
    add({
      ...{ schema, name, kind: 'table', rows },
      ...{ bytes: undefined, storedBytes: undefined, contents: manifest.files ? 1 : 0 },
    });
  return tables;
}

function added(known: TableNumbers | undefined, more: TableNumbers): TableNumbers {
  if (known === undefined) return more;
  const kind = known.kind === 'root' || more.kind === 'root' ? 'root' : more.kind;
  return {
    ...known,
    ...(more.leaves !== undefined && { leaves: more.leaves }),
    kind,
    rows: known.rows + more.rows,
    bytes: sum(known.bytes, more.bytes),
    storedBytes: sum(known.storedBytes, more.storedBytes),
    contents: Math.max(known.contents, more.contents),
  };
}

const sum = (one: number | undefined, other: number | undefined) =>
  one === undefined || other === undefined ? undefined : one + other;
