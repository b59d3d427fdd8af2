export interface SweepOptions {
  /** Silence in seconds that makes a set or restore overdue; absent = what its plan says. */
  readonly overdueAfterSeconds?: number;
  /**
   * Sets and restores known to be over: nothing is overwritten, so they stay so. A process that sweeps again and again
   * passes the same one, and pays for open sets only.
   */
  readonly closed?: Set<string>;
}

/** What a sweep found and did. */
export interface SweepReport {
  /** Sets looked at, without those known to be closed. */
  sets: number;
  committed: string[];
  validated: string[];
  /** Unsealed sets in which nothing moves any more. */
  overdue: string[];
  uploadsAborted: number;
  /** What could not be swept, and restores that nobody answers. */
  problems: { set?: string; restore?: string; message: string }[];
}

/** For restores, and for sets whose plan does not say. */
export const OVERDUE_AFTER_SECONDS = 3600;
