import { takeBarrierSnapshot } from '../barrier/barrier.ts';
import { separateServers } from '../barrier/kind.ts';
import type { ConnectionTarget, Flavour, FlavourDefinition, Segment } from '../flavour.ts';
import { inspectShards } from './inspect.ts';
import { refuseGreenplum } from './product.ts';
import { readShardServers } from './servers.ts';

/** Plain PostgreSQL servers, each of which holds a part of the rows. */
export const shards: FlavourDefinition = {
  segments: 'listed',
  snapshotMechanisms: ['barrier'],
  reachesHostsBySsh: false,
  configProblems: ({ segments, coordinator, snapshot }) => [
    ...(segments.length === 0
      ? [{ path: ['segments'], message: 'is missing: flavour shards needs one entry per server' }]
      : []),
    ...(coordinator === undefined
      ? []
      : [
          {
            path: ['coordinator'],
            message:
              'is for flavour greenplum only; with shards, list the coordinator as a segment with content -1',
          },
        ]),
    ...(snapshot === 'coordinator'
      ? [
          {
            path: ['backup', 'through'],
            message:
              '"coordinator" needs flavour greenplum: shards have no coordinator that reads the rows of all',
          },
        ]
      : []),
    ...(snapshot === 'dispatch'
      ? [
          {
            path: ['backup', 'snapshot'],
            message: '"dispatch" needs flavour greenplum; use "barrier"',
          },
        ]
      : []),
  ],
  open: ({ segments }, connect) => shardsFlavour({ segments, connect }),
  inspect: ({ segments }, options) =>
    inspectShards(
      segments.toSorted((a, b) => a.content - b.content),
      options,
    ),
};

/**
 * Plain PostgreSQL servers, listed in the configuration file; the coordinator (content −1) may be
 * absent.
 */
export function shardsFlavour(cluster: {
  readonly segments: readonly Segment[];
  readonly connect: (segment: Segment) => ConnectionTarget;
}): Flavour {
  const segments = cluster.segments.toSorted((a, b) => a.content - b.content);
  return {
    topology: async () => segments,
    servers: (options) => readShardServers(segments, cluster.connect, options),
    // No coordinator dispatches SHARE, so it is taken on every server.
    takeSnapshot: (options) =>
      takeBarrierSnapshot(
        segments.map((segment) => ({ segment, target: cluster.connect(segment) })),
        {
          ...separateServers,
          accept: ({ holder, segment }) => refuseGreenplum(holder, segment.content),
        },
        options,
      ),
  };
}
