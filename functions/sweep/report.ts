import type { Verdict } from '../../backup-set/base/verdict.ts';

/** The status of a set; `open` while it cannot be judged. */
export type SetStatus = 'open' | Verdict['status'];

export interface SweepOptions {
  /** Seconds without a new object that make a set or restore overdue; absent = as its plan says. */
  readonly overdueAfterSeconds?: number;
  /**
   * Sets that no longer change, with their status, and ended restores and tasks (`over`). A process
   * that sweeps repeatedly passes the same map, so that each sweep reads only open sets.
   */
  readonly closed?: Map<string, SetStatus | 'over'>;
  /**
   * Called with the order of an abandoned slice; absent = the sweep runs slices itself, in turn.
   */
  readonly onSlice?: ((order: string) => void) | undefined;
}

/** Does one work on one set. Its failure is a problem of the report. */
export type OnSet = (timestamp: string, work: () => Promise<void>) => Promise<void>;

/** What a sweep found and did. */
export interface SweepReport {
  /** Processed sets, without those in `closed`. */
  sets: number;
  /** Sets by status, with those in `closed`. */
  statuses: Record<SetStatus, number>;
  /**
   * Timestamp of the newest set that is complete and was not found damaged; absent when there is
   * none.
   */
  newestComplete?: string;
  committed: string[];
  validated: string[];
  /** Unsealed sets without a new object for longer than allowed. */
  overdue: string[];
  uploadsAborted: number;
  /** What could not be swept (`failed`), and restores whose segments do not answer. */
  problems: { set?: string; restore?: string; task?: string; message: string; failed?: true }[];
}
