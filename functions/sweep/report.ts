import type { Verdict } from '../../backup-set/base/verdict.ts';

/** Where a set stands; `open` while nobody can judge it. */
export type SetStatus = 'open' | Verdict['status'];

export interface SweepOptions {
  /** Silence in seconds that makes a set or restore overdue; absent = what its plan says. */
  readonly overdueAfterSeconds?: number;
  /**
   * Sets known to be over, with the last word on them, and restores and tasks (`over`): nothing is overwritten, so they stay so. A
   * process that sweeps again and again passes the same one, and pays for open sets only.
   */
  readonly closed?: Map<string, SetStatus | 'over'>;
  /** Takes the order of a slice that nobody is at work on; absent = the sweep does the slices itself, one after the other. */
  readonly onSlice?: (order: string) => void;
}

/** What a sweep found and did. */
export interface SweepReport {
  /** Sets looked at, without those known to be closed. */
  sets: number;
  /** How many sets there are of each status, those known to be closed included. */
  statuses: Record<SetStatus, number>;
  /** Timestamp of the newest set that is complete and was not found damaged; absent when there is none. */
  newestComplete?: string;
  committed: string[];
  validated: string[];
  /** Unsealed sets in which nothing moves any more. */
  overdue: string[];
  uploadsAborted: number;
  /** What could not be swept (`failed`), and restores that nobody answers. */
  problems: { set?: string; restore?: string; task?: string; message: string; failed?: true }[];
}
