import type { Logger } from 'pino';
import type { ErrorCode } from '../backup-set/base/errors.ts';
import type { UnusualRules } from '../backup-set/unusual/rules.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { SliceLimits } from './tasks/cut-slices.ts';

/** An object that exists, and without which the work went on. */
export interface Unreadable {
  readonly object: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** The dependencies of a function. It reads all its input from the store. */
export interface Deps {
  readonly store: ObjectStore;
  /** The alternate location: validated sets are copied to it. */
  readonly replica?: ObjectStore | undefined;
  /** The largest slice of a set; absent = SLICE_LIMITS. */
  readonly sliceLimits?: SliceLimits | undefined;
  /** `retention.lockDays`: how long a set stays locked; absent = the default of the bucket. */
  readonly lockDays?: number | undefined;
  /**
   * `unusual`: when a set gets warnings; absent = the defaults. A text says why the rules cannot be
   * used, and becomes a warning of every validation.
   */
  readonly unusual?: UnusualRules | string | undefined;
  /** Written into verdicts: the functions run in a command, because none are deployed. */
  readonly writer?: 'command';
  readonly clock: () => Date;
  readonly log: Logger;
  /** Called for each object that exists, cannot be read, and was left out of the work. */
  readonly onUnreadable?: ((found: Unreadable) => void) | undefined;
  /** Interrupts the work. Written objects stay, and the next call continues from them. */
  readonly signal?: AbortSignal | undefined;
}

/** The keys that a function wrote. They can start other functions. */
export interface JobResult {
  readonly wrote: readonly string[];
}

export const NOTHING_WRITTEN: JobResult = { wrote: [] };
