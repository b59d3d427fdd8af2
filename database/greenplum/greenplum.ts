import { takeBarrierSnapshot } from '../barrier/barrier.ts';
import type { ConnectionTarget, Flavour, Segment } from '../flavour.ts';
import { coordinatorBarrier } from './barrier.ts';
import { takeDispatchSnapshot } from './dispatch.ts';
import { readGreenplumLockWait } from './locks.ts';
import { type GreenplumTopology, readTopology } from './topology.ts';

/** Greenplum and its kin: one coordinator knows where the segments are, passes locks on, and holds no rows. */
export function greenplumFlavour(cluster: {
  readonly coordinator: Segment;
  readonly connect: (segment: Segment) => ConnectionTarget;
}): Flavour {
  const { coordinator, connect } = cluster;
  const read = (signal?: AbortSignal | undefined) =>
    readTopology(coordinator, connect(coordinator), signal);
  return {
    name: 'greenplum',
    topology: async () => (await read()).segments,
    takeSnapshot: async (options) => {
      const topology = await read(options.signal);
      if (options.mechanism === 'dispatch') {
        const [first = coordinator] = topology.segments;
        return takeDispatchSnapshot(connect(first), topology, options);
      }
      const members = topology.segments.map((segment) => memberOf(segment, topology, connect));
      return takeBarrierSnapshot(members, coordinatorBarrier(topology.version), options);
    },
  };
}

function memberOf(
  segment: Segment,
  topology: GreenplumTopology,
  connect: (segment: Segment) => ConnectionTarget,
) {
  const { major } = topology.version;
  // A monitor that is dispatched would ask every segment for its locks, forty times a second.
  const monitor = connect({ ...segment, options: topology.utility });
  return {
    segment,
    target: connect(segment),
    monitor,
    ...(major < 7 && { lockWait: readGreenplumLockWait }),
  };
}
