import { takeBarrierSnapshot } from '../barrier/barrier.ts';
import { separateServers } from '../barrier/kind.ts';
import type { ConnectionTarget, Flavour, Segment } from '../flavour.ts';

/** Plain PostgreSQL servers, listed in the configuration file; the coordinator (content −1) may be absent. */
export function shardsFlavour(cluster: {
  readonly segments: readonly Segment[];
  readonly connect: (segment: Segment) => ConnectionTarget;
}): Flavour {
  const segments = cluster.segments.toSorted((a, b) => a.content - b.content);
  return {
    name: 'shards',
    topology: async () => segments,
    // SHARE is taken on every server: nothing dispatches it for us here.
    takeSnapshot: (options) =>
      takeBarrierSnapshot(
        segments.map((segment) => ({ segment, target: cluster.connect(segment) })),
        separateServers,
        options,
      ),
  };
}
