import { onAbort } from '../../async/abort.ts';

/** Lets bytes pass at a rate, in the order of the calls. */
export interface TokenBucket {
  /**
   * Resolves when so many more bytes may pass. A call for more than a burst waits for all of them.
   * @throws the signal's reason when it fires first; the bytes are then not counted.
   */
  take(bytes: number, signal: AbortSignal): Promise<void>;
  /** Takes effect at once. Tokens earned so far are kept, up to the burst of the new rate. */
  setRate(bytesPerSecond: number): void;
}

/** A monotonic clock in milliseconds, and a timer; `after` returns how to cancel the call. */
export interface Timer {
  now(): number;
  after(ms: number, call: () => void): () => void;
}

/** Short enough that the rate holds on the network, long enough to avoid a timer per chunk. */
export const BURST_SECONDS = 0.25;

interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

/**
 * In any period it lets through at most rate × time + one burst; when one call is larger than a
 * burst, rate × time + that call.
 */
export function tokenBucket(bytesPerSecond: number, timer: Timer): TokenBucket {
  let rate = bytesPerSecond;
  let earned = rate * BURST_SECONDS;
  let earnedAt = timer.now();
  let cancelTimer = () => {};
  const queue: Waiter[] = [];

  /** Saves up at most a burst, or what the first waiter needs when that is more. */
  const earn = () => {
    const now = timer.now();
    const most = Math.max(rate * BURST_SECONDS, queue[0]?.bytes ?? 0);
    earned = Math.min(most, earned + ((now - earnedAt) / 1000) * rate);
    earnedAt = now;
  };
  const serve = () => {
    cancelTimer();
    cancelTimer = () => {};
    earn();
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      if (earned < first.bytes) {
        cancelTimer = timer.after(Math.ceil(((first.bytes - earned) / rate) * 1000), serve);
        return;
      }
      earned -= first.bytes;
      queue.shift();
      first.resolve();
    }
  };
  return {
    async take(bytes, signal) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiter = { bytes, resolve };
      queue.push(waiter);
      if (queue[0] === waiter) serve();
      if (!queue.includes(waiter)) return;
      using _ = onAbort(signal, () => {
        const at = queue.indexOf(waiter);
        if (at >= 0) queue.splice(at, 1);
        reject(signal.reason);
        // The next waiter may need fewer bytes.
        serve();
      });
      await promise;
    },
    setRate(next) {
      earn();
      rate = next;
      serve();
    },
  };
}
