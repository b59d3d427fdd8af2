import type { Logger } from 'pino';
import type { ObjectStore } from '../storage/store.ts';
import type { Throttle } from '../storage/wrapped/throttled-reads.ts';
import type { Report } from './protocol/control.ts';

/** Everything that a shipper uses outside itself. */
export interface ShipperDeps {
  readonly store: ObjectStore;
  readonly clock: () => Date;
  readonly log: Logger;
  readonly report: (report: Report) => void;
  readonly progress: Progress;
  /** Called before bytes go to the store. A restore's store throttles its reads by itself. */
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
