import { onAbort, throwIfInterrupted } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../../backup-set/base/selection.ts';
import type {
  LoadRelation,
  RestoreRequest,
} from '../../../backup-set/documents/restore/restore.ts';
import type { Session } from '../../../database/session/session.ts';
import {
  beginRootLoad,
  type PartitionTree,
  partitionRoots,
  partitionTree,
} from '../../../database/target/partitions.ts';
import type { Progress, ShipperDeps } from '../../deps.ts';
import { opensFor } from '../../read/opens.ts';
import { requireCount } from '../order-result.ts';
import { copyExtents } from './copy-extents.ts';

/** Partitions of one root whose rows belong to other partitions in this database. */
export interface Misplaced {
  readonly root: QualifiedName;
  readonly relations: readonly LoadRelation[];
}

/** Groups partitions by their root in the target. */
export async function byRoot(
  session: Session,
  relations: readonly LoadRelation[],
): Promise<readonly Misplaced[]> {
  const roots = await partitionRoots(session, relations);
  const groups = new Map<string, { root: QualifiedName; relations: LoadRelation[] }>();
  for (const [at, relation] of relations.entries()) {
    const root = roots.get(at);
    if (root === undefined) continue;
    const key = JSON.stringify([root.schema, root.name]);
    const group = groups.get(key) ?? { root, relations: [] };
    group.relations.push(relation);
    groups.set(key, group);
  }
  return [...groups.values()];
}

export interface RootLoadOptions {
  readonly mode: RestoreRequest['mode'];
  readonly encoding: string;
  readonly progressOf: (relation: LoadRelation) => Progress;
  /** Whether this order has loaded the relation. */
  readonly isLoaded: (name: QualifiedName) => boolean;
}

/**
 * Loads the rows of partitions by COPY into their root, in one transaction: the server chooses the
 * leaf of each row. All other leaves must be loaded. So the leaves together hold the rows of the
 * set exactly when this has succeeded, which a resume relies on.
 * @throws StowageError when the restore does not load all leaves, or a row is rejected.
 */
export async function loadThroughRoot(
  session: Session,
  { root, relations }: Misplaced,
  { mode, encoding, progressOf, isLoaded }: RootLoadOptions,
  { store, signal, keys }: Pick<ShipperDeps, 'store' | 'signal' | 'keys'>,
): Promise<void> {
  throwIfInterrupted(signal);
  using _ = onAbort(signal, () => void session.destroy());
  const tree = await partitionTree(session, root);
  requireAllLeaves(tree, relations, isLoaded);
  const transaction = await beginRootLoad(session, tree, relations, mode);
  for (const relation of relations) {
    const into = { ...root, columns: relation.columns };
    const progress = progressOf(relation);
    const options = { store, signal, encoding, progress, ...opensFor(keys, relation) };
    const count = await copyExtents(session, into, relation.extents, options);
    requireCount(`${relation.schema}.${relation.name}`, count, relation.rows);
  }
  await transaction.commit();
}

/** Rows may go to any leaf: a leaf whose rows are not of this restore must not get some. */
function requireAllLeaves(
  { root, leaves }: PartitionTree,
  relations: readonly LoadRelation[],
  isLoaded: RootLoadOptions['isLoaded'],
): void {
  const isOurs = ({ schema, name }: QualifiedName) =>
    isLoaded({ schema, name }) ||
    relations.some((relation) => relation.schema === schema && relation.name === name);
  const other = leaves.find((leaf) => !isOurs(leaf));
  if (other === undefined) return;
  const named = `${root.schema}.${root.name}`;
  const message = `its rows belong to other partitions of ${named} in this database, whose order or hash of the partition key differs from the source's, and this restore has not loaded partition ${other.schema}.${other.name}. Restore all partitions together: --include-table ${named}`;
  throw new StowageError('database/failed', message, { where: { relation: named } });
}
