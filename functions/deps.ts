import type { Logger } from 'pino';
import type { SliceLimits } from '../backup-set/documents/tasks.ts';
import type { ObjectStore } from '../storage/store.ts';

/** All that a function may touch: everything it knows, it reads from the store. */
export interface Deps {
  readonly store: ObjectStore;
  /** The alternate location: validated sets are copied to it. */
  readonly replica?: ObjectStore;
  /** How much of a set one function is given; absent = SLICE_LIMITS. */
  readonly sliceLimits?: SliceLimits;
  readonly clock: () => Date;
  readonly log: Logger;
  /** Ends what is running; what was written stays, and the next call goes on from there. */
  readonly signal?: AbortSignal | undefined;
}

/** What a function has done: the keys it wrote, which may be events for other functions. */
export interface JobResult {
  readonly wrote: readonly string[];
}

export const NOTHING_WRITTEN: JobResult = { wrote: [] };
