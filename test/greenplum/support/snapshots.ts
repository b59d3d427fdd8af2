/** The ways to take the cluster's snapshot. */
export const SNAPSHOTS = ['barrier', 'dispatch'] as const;
