import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { ConfigProblem, Server, SnapshotMechanism } from '../../database/flavour.ts';

interface Chosen {
  readonly backup: {
    readonly snapshot: 'barrier' | 'dispatch';
    readonly through: 'segments' | 'coordinator';
  };
}

/** How the snapshot of a backup is taken: through the coordinator there is one way only. */
export function mechanismOf({ backup: { snapshot, through } }: Chosen): SnapshotMechanism {
  return through === 'coordinator' ? 'coordinator' : snapshot;
}

/** What does not go with a backup through the coordinator. */
export function throughProblems({
  backup: { snapshot, through },
  shippers,
}: Chosen & { readonly shippers: { readonly start: 'process' | 'agents' } }): ConfigProblem[] {
  if (through !== 'coordinator') return [];
  return [
    ...(snapshot === 'dispatch'
      ? [
          {
            path: ['backup', 'snapshot'],
            message:
              '"dispatch" has the segments send their rows, and backup.through is "coordinator": leave out one of them',
          },
        ]
      : []),
    ...(shippers.start === 'agents'
      ? [
          {
            path: ['backup', 'through'],
            message:
              '"coordinator" works with shippers.start "process" only: the command itself starts the one shipper that reads all rows',
          },
        ]
      : []),
  ];
}

/** The servers that a backup asks: through the coordinator, no other. */
export function serversRead(chosen: Chosen, servers: readonly Server[]): readonly Server[] {
  if (mechanismOf(chosen) !== 'coordinator') return servers;
  return servers
    .filter(({ segment }) => segment.content === COORDINATOR)
    .map((server) => ({ ...server, segment: { ...server.segment, ordinaryOnly: true } }));
}
