import type { Selection } from '../../backup-set/base/selection.ts';
import { readServerFacts } from '../catalog/catalog.ts';
import { readLocale } from '../catalog/locale.ts';
import { discoverRelations, type Lockable } from '../catalog/relations.ts';
import type { NodeSnapshot } from '../flavour.ts';
import type { Session } from '../session/session.ts';
import type { BarrierNode } from './node.ts';

/** A node under the barrier, and the snapshot it exported there. */
export interface ExportedNode {
  readonly node: BarrierNode;
  readonly snapshotId?: string;
}

/** What a node's catalogs said under its snapshot, and what had to be locked for that. */
export interface DescribedNode {
  readonly snapshot: NodeSnapshot;
  readonly lockable: readonly Lockable[];
}

/** What differs between kinds of cluster in one barrier. */
export interface BarrierKind {
  /** Called once per attempt; the function it returns says what a node must lock, from the catalogs as they are now. */
  look(
    nodes: readonly BarrierNode[],
    selection: Selection,
  ): (node: BarrierNode) => Promise<readonly Lockable[]>;
  /** Where SHARE is asked for. */
  readonly stopsWriters: (node: BarrierNode) => boolean;
  /** Whose rows will be read. */
  readonly exports: (node: BarrierNode) => boolean;
  /** What the catalogs say under the snapshots, in the order of the nodes. */
  describe(exported: readonly ExportedNode[], selection: Selection): Promise<DescribedNode[]>;
}

/** Servers that know nothing of each other: each is asked, stopped and described by itself. */
export const separateServers: BarrierKind = {
  look: (_, selection) => async (node) =>
    (await discoverRelations(node.holder, selection, { withSizes: false })).relations,
  stopsWriters: () => true,
  exports: () => true,
  describe: (exported, selection) =>
    Promise.all(
      exported.map(async ({ node: { segment, holder }, snapshotId }) => {
        const discovery = await discoverRelations(holder, selection, { withSizes: true });
        const { notShipped, refresh, largeObjects, relations } = discovery;
        return {
          lockable: relations,
          snapshot: {
            segment,
            ...(snapshotId !== undefined && { snapshotId }),
            definitions: true,
            ...(await describeServer(holder)),
            relations: relations.map(({ oid: _, ...relation }) => relation),
            notShipped,
            refresh,
            largeObjects,
          },
        };
      }),
    ),
};

/** What one asks every server, whatever it holds. */
export async function describeServer(
  session: Session,
): Promise<Pick<NodeSnapshot, 'serverVersion' | 'encoding' | 'locale'>> {
  const { version, encoding } = await readServerFacts(session);
  return { serverVersion: version, encoding, locale: await readLocale(session) };
}
