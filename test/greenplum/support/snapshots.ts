/**
 * The ways to take the cluster's snapshot, and to read rows under dispatch. Without the end, small
 * tables go through the coordinator and large ones to programs.
 */
export const SEGMENT_SNAPSHOTS = [
  'barrier',
  'dispatch to programs',
  'dispatch through the coordinator',
] as const;
/** The last one has no session with a segment, and no agents. */
export const SNAPSHOTS = [...SEGMENT_SNAPSHOTS, 'coordinator'] as const;
export type Snapshot = (typeof SNAPSHOTS)[number] | 'dispatch';

/** The fields of the section `backup` for it. */
export function takenBy(snapshot: Snapshot) {
  switch (snapshot) {
    case 'dispatch to programs':
      return { snapshot: 'dispatch', smallTableBytes: 0 } as const;
    case 'dispatch through the coordinator':
      return { snapshot: 'dispatch', smallTableBytes: 2 ** 40 } as const;
    case 'coordinator':
      return { through: 'coordinator' } as const;
    default:
      return { snapshot } as const;
  }
}
