/** Lets bytes through at a rate, in the order in which they asked. */
export interface TokenBucket {
  /**
   * Resolves when so many more bytes may go. More than a burst waits until all of it is earned.
   * @throws the signal's reason when it fires first; the bytes are then not counted.
   */
  take(bytes: number, signal: AbortSignal): Promise<void>;
  /** From now on; what was earned so far stays earned, up to the new rate's burst. */
  setRate(bytesPerSecond: number): void;
}

/** Milliseconds on a clock that never goes back, and a way to be called later; returns how to call that off. */
export interface Timer {
  now(): number;
  after(ms: number, call: () => void): () => void;
}

/** Short enough that a network sees the rate, long enough that nobody waits for a timer at every chunk. */
export const BURST_SECONDS = 0.25;

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

/** Over any time it lets through at most rate × time + one burst (or + the largest single request, where that is more). */
export function tokenBucket(bytesPerSecond: number, timer: Timer): TokenBucket {
  let rate = bytesPerSecond;
  let earned = rate * BURST_SECONDS;
  let earnedAt = timer.now();
  let callOff = () => {};
  const queue: Waiting[] = [];

  /** Nothing is saved up beyond a burst, but for somebody who waits for more than that. */
  const earn = () => {
    const now = timer.now();
    const most = Math.max(rate * BURST_SECONDS, queue[0]?.bytes ?? 0);
    earned = Math.min(most, earned + ((now - earnedAt) / 1000) * rate);
    earnedAt = now;
  };
  const serve = () => {
    callOff();
    callOff = () => {};
    earn();
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      if (earned < first.bytes) {
        callOff = timer.after(Math.ceil(((first.bytes - earned) / rate) * 1000), serve);
        return;
      }
      earned -= first.bytes;
      queue.shift();
      first.go();
    }
  };
  return {
    async take(bytes, signal) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const waiting = { bytes, go: resolve };
      queue.push(waiting);
      if (queue[0] === waiting) serve();
      if (!queue.includes(waiting)) return;
      const leave = () => {
        const at = queue.indexOf(waiting);
        if (at >= 0) queue.splice(at, 1);
        reject(signal.reason);
        // Whoever was behind it may need less.
        serve();
      };
      signal.addEventListener('abort', leave, { once: true });
      try {
        await promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
    setRate(next) {
      earn();
      rate = next;
      serve();
    },
  };
}
