import type { Throttle } from '../../storage/wrapped/throttled-reads.ts';
import { type Timer, tokenBucket } from './token-bucket.ts';

/** One rate limit for all shippers of a process. The coordinator may change it at any time. */
export interface RateLimit {
  readonly throttle: Throttle;
  setRate(bytesPerSecond: number): void;
}

const TIMER_MS_MAX = 2 ** 31 - 1;

const REAL: Timer = {
  now: () => performance.now(),
  after(ms, call) {
    // Node treats a longer delay as 1 ms. A call that comes early starts another timer.
    const timer = setTimeout(call, Math.min(ms, TIMER_MS_MAX));
    return () => clearTimeout(timer);
  },
};

/** @param bytesPerSecond undefined = no limit. */
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
