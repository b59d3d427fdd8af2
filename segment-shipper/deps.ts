import type { Logger } from 'pino';
import type { ObjectStore } from '../storage/store.ts';
import type { Report } from './protocol/control.ts';
import type { Throttle } from './rate/throttle.ts';

/** Everything a shipper touches outside itself. */
export interface ShipperDeps {
  readonly store: ObjectStore;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly report: (report: Report) => void;
  readonly progress: Progress;
  /** Asked before bytes leave for the store; reads of a restore ask it by themselves (throttledReads). */
  readonly throttle: Throttle;
  readonly signal: AbortSignal;
}

/** Running totals, reported about twice a second. */
export interface Progress {
  rows: number;
  bytes: number;
  storedBytes: number;
  relation: string | undefined;
}

export function noProgress(): Progress {
  return { rows: 0, bytes: 0, storedBytes: 0, relation: undefined };
}

/**
 * Runs tasks side by side; the first failure aborts the others through their signal, and is thrown only when all have ended, so
 * that nothing is still running when the caller cleans up.
 */
export async function together(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let first: { readonly error: unknown } | undefined;
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(either);
      } catch (error) {
        first ??= { error };
        stop.abort(error);
      }
    }),
  );
  if (first !== undefined) throw first.error;
}
