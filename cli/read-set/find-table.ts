import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Manifest, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { inOtherCase, isNamed, type TableName, writtenName } from './table-name.ts';

/** A table of a set: one name, and all relations of the manifest that have its rows. */
export interface SetTable extends QualifiedName {
  /** Leaves of a partitioned table; or one relation per set of columns that the segments have. */
  readonly relations: readonly ManifestRelation[];
  /** The name is that of a partitioned table, whose leaves have the rows. */
  readonly isRoot: boolean;
  /** Of a root: partitions without rows in the set; in a set that does not say, all tables. */
  readonly mayLack: readonly QualifiedName[];
}

/** Why the rows of a table are not in a set, though a partitioned table shows them. */
const ROWLESS = new Set(['excluded', 'external', 'foreign', 'unlogged']);

/** Names listed in an error. */
const NAMED_MAX = 8;

/**
 * The table of this name. The root of a partitioned table stands for all its leaves.
 * @throws StowageError `table/not-found`, `table/ambiguous`.
 */
export function findTable(manifest: Manifest, wanted: TableName): SetTable {
  const tables = new Map<string, SetTable>();
  const add = (name: QualifiedName, relation: ManifestRelation, isRoot: boolean) => {
    const key = JSON.stringify([name.schema, name.name]);
    const relations = [...(tables.get(key)?.relations ?? []), relation];
    const mayLack = isRoot ? manifest.notShipped.filter((one) => mayBePartOf(name, one)) : [];
    tables.set(key, { schema: name.schema, name: name.name, relations, isRoot, mayLack });
  };
  for (const relation of manifest.relations) {
    if (isNamed(wanted, relation)) add(relation, relation, false);
    const root = relation.partitionRoot;
    if (root !== undefined && isNamed(wanted, root)) add(root, relation, true);
  }
  const [table, ...others] = tables.values();
  if (table === undefined) throw notFound(manifest, wanted);
  if (others.length === 0) return table;
  const names = list([table, ...others]);
  throw new StowageError(
    'table/ambiguous',
    `${shown(wanted)} names ${others.length + 1} tables of set ${manifest.timestamp}: ${names}. Write the schema, too`,
    { where: { set: manifest.timestamp, relation: wanted.name } },
  );
}

/** Its rows are not in the set, and it is a partition of this root, or the set does not say. */
function mayBePartOf(root: QualifiedName, one: Manifest['notShipped'][number]): boolean {
  if (!ROWLESS.has(one.reason)) return false;
  const { partitionRoot: its } = one;
  return its === undefined || (its?.schema === root.schema && its.name === root.name);
}

function notFound(manifest: Manifest, wanted: TableName): StowageError {
  const { timestamp, notShipped, relations } = manifest;
  const lacking = notShipped.find((each) => isNamed(wanted, each));
  const all = [...relations, ...relations.flatMap(({ partitionRoot: root }) => root ?? [])];
  const others = inOtherCase(wanted, all);
  const why =
    lacking !== undefined
      ? `the set has no rows of it (${lacking.kind}, ${lacking.reason})`
      : others.length > 0
        ? `upper and lower case count; the set has ${list(others)}`
        : `\`stowage show ${timestamp} --all\` lists its tables`;
  return new StowageError(
    'table/not-found',
    `set ${timestamp} has no rows of a table ${shown(wanted)}: ${why}`,
    { where: { set: timestamp, relation: wanted.name } },
  );
}

function list(names: readonly QualifiedName[]): string {
  const written = [...new Set(names.map(writtenName))];
  const rest = written.length > NAMED_MAX ? ', …' : '';
  return `${written.slice(0, NAMED_MAX).join(', ')}${rest}`;
}

function shown({ schema, name }: TableName): string {
  return schema === undefined ? name : writtenName({ schema, name });
}
