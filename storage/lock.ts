import type { CallOptions } from './call-options.ts';

/** `GOVERNANCE`: a principal with a special right can end it. `COMPLIANCE`: only time ends it. */
export type LockMode = 'GOVERNANCE' | 'COMPLIANCE';

/** Until when a version of an object cannot be deleted. */
export interface Retention {
  readonly mode: LockMode;
  readonly until: Date;
}

/** What a new object gets by default; both absent: Object Lock is on, and nothing is locked. */
export interface DefaultRetention {
  readonly mode?: LockMode | undefined;
  readonly days?: number | undefined;
}

/**
 * The part of the port that locks objects. Each call is about the current version of a key: no key
 * is overwritten, so it is the only one unless the key was deleted. Every call may be repeated.
 *
 * @throws of every call: StowageError `storage/denied` without the right, `storage/not-found` for
 * an absent or deleted key, `storage/invalid` where the bucket has no Object Lock.
 */
export interface ObjectLock {
  /** Undefined: the bucket has no Object Lock, or the server does not know it. */
  configuration(options?: CallOptions): Promise<DefaultRetention | undefined>;
  /** Undefined: never locked by retention. It can lie in the past. */
  retention(key: string, options?: CallOptions): Promise<Retention | undefined>;
  /**
   * Makes the retention last at least until `wanted.until`. Never shortens it, and never weakens
   * `COMPLIANCE`. @returns whether it was changed.
   */
  extendRetention(key: string, wanted: Retention, options?: CallOptions): Promise<boolean>;
  legalHold(key: string, options?: CallOptions): Promise<boolean>;
  setLegalHold(key: string, isOn: boolean, options?: CallOptions): Promise<void>;
}
