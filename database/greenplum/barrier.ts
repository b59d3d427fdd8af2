import {
  type BarrierKind,
  type DescribedNode,
  describeServer,
  type ExportedNode,
} from '../barrier/kind.ts';
import type { BarrierNode } from '../barrier/node.ts';
import { readDumpGaps } from '../catalog/dump-gaps.ts';
import {
  type Discovery,
  discoverRelations,
  type Lockable,
  type LockedRelation,
} from '../catalog/relations.ts';
import { readSizesOf } from '../catalog/sizes.ts';
import type { SnapshotOptions, Wanted } from '../flavour.ts';
import { greenplumCatalog } from './catalog.ts';
import { type GreenplumVersion, requirePrimaries } from './topology.ts';

/**
 * Greenplum's barrier. SHARE is taken once, on the coordinator, which dispatches it to the
 * segments.
 * Each segment exports its own snapshot in utility mode, because a segment cannot import the
 * coordinator's. ACCESS SHARE is held on every instance, by a utility session of each.
 */
export function coordinatorBarrier(version: GreenplumVersion): BarrierKind {
  const discover = ({ holder }: BarrierNode, selection: Wanted) =>
    discoverRelations(holder, selection, {
      catalog: (session) => greenplumCatalog(session, version),
    });
  return {
    discover: (nodes, selection) => {
      let found: Promise<readonly Lockable[]> | undefined;
      return () => (found ??= discover(coordinatorOf(nodes), selection).then(lockablesOf));
    },
    stopsWriters: isCoordinator,
    exports: (node) => !isCoordinator(node),
    describe: async (exported, options) => {
      const nodes = exported.map(({ node }) => node);
      const coordinator = coordinatorOf(nodes);
      const segments = nodes.map(({ segment }) => segment);
      await requirePrimaries(coordinator.holder, segments);
      const discovery = await discover(coordinator, options.selection);
      const server = { ...(await describeServer(coordinator.holder)), serverVersion: version.text };
      const gaps = await readDumpGaps(coordinator.holder);
      const lockable = lockablesOf(discovery);
      const shares = shareOut(discovery.relations, exported.length - 1);
      return Promise.all(
        exported.map(async ({ node, snapshotId }): Promise<DescribedNode> => {
          const { segment } = node;
          const described = isCoordinator(node)
            ? { ...definitionsOf(discovery), gaps }
            : await rowsOf(
                { node, ...(snapshotId !== undefined && { snapshotId }) },
                shares.get(segment.content) ?? [],
                options,
              );
          return { lockable, snapshot: { segment, ...server, ...described } };
        }),
      );
    },
  };
}

const isCoordinator = ({ segment }: Pick<BarrierNode, 'segment'>) => segment.content === -1;

function coordinatorOf(nodes: readonly BarrierNode[]): BarrierNode {
  const found = nodes.find(isCoordinator);
  if (found === undefined) throw new Error('the barrier has no node for the coordinator');
  return found;
}

/** Partition roots too: a writer that names a root locks the root on the coordinator. */
function lockablesOf({ relations, roots }: Discovery): Lockable[] {
  return [...roots, ...relations];
}

/**
 * What each content ships: its slice of every distributed table, and its share of the replicated
 * tables, which take turns because every segment has all their rows. (During gpexpand: every
 * segment that a table has reached.)
 */
export function shareOut(
  relations: readonly LockedRelation[],
  segments: number,
): ReadonlyMap<number, readonly LockedRelation[]> {
  const turns = new Map(
    relations
      .filter(({ replicated }) => replicated === true)
      .map(({ oid, segments: reached = segments }, at) => [oid, at % Math.min(reached, segments)]),
  );
  return new Map(
    Array.from({ length: segments }, (_, content) => [
      content,
      relations.filter(({ oid }) => (turns.get(oid) ?? content) === content),
    ]),
  );
}

function definitionsOf({ notShipped, refresh }: Discovery) {
  return { definitions: true, relations: [], notShipped, refresh, largeObjects: 0 };
}

async function rowsOf(
  { node, snapshotId }: ExportedNode,
  share: readonly LockedRelation[],
  options: SnapshotOptions,
) {
  const oids = share.map(({ oid }) => oid);
  const sizes = await readSizesOf(node.holder, oids, options);
  return {
    ...(snapshotId !== undefined && { snapshotId }),
    definitions: false,
    relations: share.map(({ oid, ...relation }) => ({
      ...relation,
      bytesEstimated: sizes.get(oid) ?? 0,
    })),
    notShipped: [],
    refresh: [],
    largeObjects: 0,
  };
}
