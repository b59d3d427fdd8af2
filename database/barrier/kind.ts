import { readServerFacts } from '../catalog/catalog.ts';
import { readDumpGaps } from '../catalog/dump-gaps.ts';
import { readLocale } from '../catalog/locale.ts';
import { discoverRelations, type Lockable } from '../catalog/relations.ts';
import type { NodeSnapshot, SnapshotOptions, Wanted } from '../flavour.ts';
import type { Session } from '../session/session.ts';
import type { BarrierNode } from './node.ts';

/** A node under the barrier, and the snapshot that it exported there. */
export interface ExportedNode {
  readonly node: BarrierNode;
  readonly snapshotId?: string;
}

/**
 * What a node's catalogs contain under its snapshot, and the relations that must be locked for it.
 */
export interface DescribedNode {
  readonly snapshot: NodeSnapshot;
  readonly lockable: readonly Lockable[];
}

/** What differs in a barrier between the flavours. */
export interface BarrierKind {
  /** Refuses a server that this kind is not for, before anything is locked. Absent = any server. */
  readonly accept?: (node: BarrierNode) => Promise<void>;
  /**
   * Called once per attempt; the function it returns reads from the catalogs what a node must lock.
   */
  discover(
    nodes: readonly BarrierNode[],
    selection: Wanted,
  ): (node: BarrierNode) => Promise<readonly Lockable[]>;
  /** The nodes on which SHARE is taken. */
  readonly stopsWriters: (node: Pick<BarrierNode, 'segment'>) => boolean;
  /** The nodes whose rows will be read. */
  readonly exports: (node: BarrierNode) => boolean;
  /** Reads the catalogs under the snapshots, in the order of the nodes. */
  describe(exported: readonly ExportedNode[], options: SnapshotOptions): Promise<DescribedNode[]>;
}

/** Independent servers: each is locked and described by itself. */
export const separateServers: BarrierKind = {
  discover: (_, selection) => async (node) =>
    (await discoverRelations(node.holder, selection)).relations,
  stopsWriters: () => true,
  exports: () => true,
  describe: (exported, options) =>
    Promise.all(
      exported.map(async ({ node: { segment, holder }, snapshotId }) => {
        const discovery = await discoverRelations(holder, options.selection, {
          sizes: options,
        });
        const { notShipped, refresh, largeObjects, relations } = discovery;
        return {
          lockable: relations,
          snapshot: {
            segment,
            ...(snapshotId !== undefined && { snapshotId }),
            definitions: true,
            gaps: await readDumpGaps(holder),
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

/** Version, encoding and locale of the session's database. */
export async function describeServer(
  session: Session,
): Promise<Pick<NodeSnapshot, 'serverVersion' | 'encoding' | 'locale'>> {
  const { version, encoding } = await readServerFacts(session);
  return { serverVersion: version, encoding, locale: await readLocale(session) };
}
