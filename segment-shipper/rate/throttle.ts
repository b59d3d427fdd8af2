import type { ObjectStore } from '../../storage/store.ts';
import { type Timer, tokenBucket } from './token-bucket.ts';

/** Waits until so many bytes may leave this host, or come to it. @throws the signal's reason when that fires first. */
export type Throttle = (bytes: number, signal: AbortSignal) => Promise<void>;

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

const NEVER = new AbortController().signal;

/** The same store, read no faster than the throttle lets. Not read at once, an answer waits in the server. */
export function throttledReads(store: ObjectStore, throttle: Throttle): ObjectStore {
  return {
    ...store,
    async *get(key, options = {}) {
      for await (const chunk of store.get(key, options)) {
        await throttle(chunk.byteLength, options.signal ?? NEVER);
        yield chunk;
      }
    },
    async read(key, options) {
      const bytes = await store.read(key, options);
      await throttle(bytes.byteLength, options.signal ?? NEVER);
      return bytes;
    },
  };
}
