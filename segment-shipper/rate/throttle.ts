import type { Throttle } from '../../storage/wrapped/throttled-reads.ts';
import { type Timer, tokenBucket } from './token-bucket.ts';

/** What all shippers of one process share, and the coordinator may change on the way. */
export interface RateLimit {
  readonly throttle: Throttle;
  setRate(bytesPerSecond: number): void;
}

const TIMER_MS_MAX = 2 ** 31 - 1;

const REAL: Timer = {
  now: () => performance.now(),
  after(ms, call) {
    // A longer one Node takes for 1 ms; who is called early asks again.
    const timer = setTimeout(call, Math.min(ms, TIMER_MS_MAX));
    return () => clearTimeout(timer);
  },
};

/** Undefined = as fast as it goes. */
export function rateLimit(bytesPerSecond: number | undefined, timer = REAL): RateLimit {
  let bucket = bytesPerSecond === undefined ? undefined : tokenBucket(bytesPerSecond, timer);
  return {
    throttle: async (bytes, signal) => bucket?.take(bytes, signal),
    setRate(next) {
      if (bucket === undefined) bucket = tokenBucket(next, timer);
      else bucket.setRate(next);
    },
  };
}
