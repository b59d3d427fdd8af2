import type { Group } from '../documents/plan.ts';

/** What is known of a set that may belong to a group. */
export interface GroupedSet {
  readonly timestamp: string;
  /** `unknown`: a document of it cannot be read. */
  readonly status: 'complete' | 'incomplete' | 'damaged' | 'open' | 'unknown';
  readonly database: string | undefined;
  readonly group?: Group | undefined;
  readonly retention?: { readonly state: 'living' | 'expired' } | undefined;
}

/** One database of a group. `missing`: it has no set, or its set has been removed. */
export interface GroupMember {
  readonly database: string;
  readonly status: GroupedSet['status'] | 'expired' | 'missing';
  /** Of its newest set that is complete, else of its newest set. */
  readonly timestamp?: string;
}

export interface GroupState {
  readonly id: string;
  /** `open`: a set of it is being written, or waits for its verdict. */
  readonly status: 'complete' | 'incomplete' | 'open';
  /** In the order in which they were backed up. */
  readonly members: readonly GroupMember[];
}

/** The groups of these sets, newest first. Sets without a group are left out. */
export function groupsOf(sets: readonly GroupedSet[]): GroupState[] {
  const grouped = Map.groupBy(
    sets.filter(({ group }) => group !== undefined),
    ({ group }) => group?.id ?? '',
  );
  return [...grouped]
    .map(([id, members]) => stateOf(id, members))
    .sort((a, b) => (a.id < b.id ? 1 : -1));
}

function stateOf(id: string, sets: readonly GroupedSet[]): GroupState {
  // Every set of a run names the same databases.
  const databases = [...new Set(sets.flatMap(({ group }) => group?.databases ?? []))];
  const members = databases.map((database): GroupMember => {
    const own = sets
      .filter((set) => set.database === database)
      .toSorted((a, b) => (a.timestamp < b.timestamp ? 1 : -1));
    const best = own.find((set) => memberStatus(set) === 'complete') ?? own[0];
    if (best === undefined) return { database, status: 'missing' };
    return { database, status: memberStatus(best), timestamp: best.timestamp };
  });
  return { id, status: groupStatus(members), members };
}

export function groupStatus(members: readonly GroupMember[]): GroupState['status'] {
  if (members.every(({ status }) => status === 'complete')) return 'complete';
  return members.some(({ status }) => status === 'open') ? 'open' : 'incomplete';
}

const memberStatus = ({ status, retention }: GroupedSet): GroupMember['status'] =>
  retention?.state === 'expired' ? 'expired' : status;

/** `2 of 3 databases are complete; b: missing; c: incomplete`, without those that are complete. */
export function describeMembers(members: readonly GroupMember[]): string {
  const complete = members.filter(({ status }) => status === 'complete').length;
  const others = members
    .filter(({ status }) => status !== 'complete')
    .map(({ database, status, timestamp }) =>
      [`${database}: ${status === 'missing' ? 'no set' : status}`, timestamp && `(${timestamp})`]
        .filter(Boolean)
        .join(' '),
    );
  const what = `${complete} of ${members.length} ${members.length === 1 ? 'database is' : 'databases are'} complete`;
  return [what, ...others].join('; ');
}
