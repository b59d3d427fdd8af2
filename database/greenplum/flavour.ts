import { takeBarrierSnapshot } from '../barrier/barrier.ts';
import { readServerIdentity } from '../catalog/server-identity.ts';
import type {
  ClusterSettings,
  ConnectionTarget,
  Flavour,
  FlavourDefinition,
  Segment,
  ServersOptions,
  SnapshotOptions,
} from '../flavour.ts';
import { withMaintenanceSession } from '../session/maintenance.ts';
import type { Session } from '../session/session.ts';
import { coordinatorBarrier } from './barrier.ts';
import { takeDispatchSnapshot } from './dispatch/dispatch.ts';
import { inspectGreenplum } from './inspect/inspect.ts';
import { inspectThrough } from './inspect/through/inspect.ts';
import { overFailover } from './over-failover.ts';
import { takeCoordinatorSnapshot } from './through/through.ts';
import { type GreenplumTopology, readTopology, topologyIn, topologyOf } from './topology.ts';
import { traitsOf } from './versions.ts';

const DEFAULT_COORDINATOR = { host: 'localhost', port: 5432 };

/** Greenplum and Apache Cloudberry. */
export const greenplum: FlavourDefinition = {
  segments: 'discovered',
  snapshotMechanisms: ['barrier', 'dispatch', 'coordinator'],
  homeVariable: 'GPHOME',
  reachesHostsBySsh: true,
  configProblems: ({ segments }) =>
    segments.length === 0
      ? []
      : [
          {
            path: ['segments'],
            message:
              'is for flavour shards only; the coordinator of a Greenplum cluster knows its segments',
          },
        ],
  open: (settings, connect) => greenplumFlavour({ coordinator: coordinatorOf(settings), connect }),
  inspect: (settings, options) =>
    (options.through === 'coordinator' ? inspectThrough : inspectGreenplum)(
      coordinatorOf(settings),
      options,
    ),
};

function coordinatorOf({ coordinator = DEFAULT_COORDINATOR }: ClusterSettings): Segment {
  return { content: -1, host: coordinator.host, port: coordinator.port };
}

/** One coordinator that knows the segments and dispatches locks to them. It holds no rows. */
export function greenplumFlavour(cluster: {
  readonly coordinator: Segment;
  readonly connect: (segment: Segment) => ConnectionTarget;
}): Flavour {
  const { coordinator, connect } = cluster;
  const read = (options?: Pick<ServersOptions, 'signal' | 'onWaiting'>) =>
    readTopology(coordinator, connect(coordinator), options);
  const take = (options: SnapshotOptions) => (topology: GreenplumTopology) => {
    const [first = coordinator] = topology.segments;
    if (options.mechanism === 'dispatch')
      return takeDispatchSnapshot(connect(first), topology, options);
    if (options.mechanism === 'coordinator')
      return takeCoordinatorSnapshot(connect({ ...first, ordinaryOnly: true }), topology, options);
    const members = topology.segments.map((segment) => memberOf(segment, topology, connect));
    return takeBarrierSnapshot(members, coordinatorBarrier(topology.version), options);
  };
  return {
    topology: async () => (await read()).segments,
    servers: async ({ signal, onWaiting }) => {
      const target = connect(coordinator);
      const ask = async (session: Session) => ({
        ...(await topologyIn(session, coordinator)),
        identity: await readServerIdentity(session, target.database),
      });
      const asked = await withMaintenanceSession(target, signal, ask, onWaiting);
      const { segments, identity, version } = asked;
      return segments.map((segment) =>
        segment.content === coordinator.content
          ? { segment, identity, release: version.text }
          : { segment },
      );
    },
    takeSnapshot: (options) =>
      overFailover(
        () => read(options),
        take(options),
        // Only the barrier checks it.
        (options.mechanism ?? 'barrier') === 'barrier' ? topologyOf(options.servers) : undefined,
      ),
  };
}

function memberOf(
  segment: Segment,
  topology: GreenplumTopology,
  connect: (segment: Segment) => ConnectionTarget,
) {
  const { lockWait } = traitsOf(topology.version);
  // An ordinary session would make a process on every segment. As a monitor it would query all of
  // them for locks, forty times a second. Only SHARE is dispatched to the segments.
  return {
    segment,
    target: connect({ ...segment, options: topology.utility }),
    locker: connect(segment),
    lockWait,
  };
}
