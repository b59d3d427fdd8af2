/**
 * How often this process and its shippers have sent requests to object stores again, and how
 * long they paused because the stores asked for fewer requests. Totals since the start, over all
 * stores.
 */
export interface StorageRetries {
  /** The store asked to slow down. */
  readonly throttled: number;
  /** No answer, or an answer that says to try again. */
  readonly failed: number;
  /**
   * The time in which at least one request paused because of a store's request. Of several
   * processes it is that of the one that paused longest: their pauses overlap.
   */
  readonly throttledMs: number;
}

const counts = { throttled: 0, failed: 0 };
let paused = { requests: 0, since: 0, ms: 0 };

/** What the shippers of this process have reported. A process starts a few hundred at most. */
const ofShippers = new Map<object, StorageRetries>();

export function storageRetries(): StorageRetries {
  const running = paused.requests === 0 ? 0 : performance.now() - paused.since;
  const own = { ...counts, throttledMs: Math.round(paused.ms + running) };
  return [...ofShippers.values()].reduce(
    (sum, one) => ({
      throttled: sum.throttled + one.throttled,
      failed: sum.failed + one.failed,
      throttledMs: Math.max(sum.throttledMs, one.throttledMs),
    }),
    own,
  );
}

/** The retries of this process and its shippers; undefined while there were none. */
export function anyRetries(): StorageRetries | undefined {
  const retries = storageRetries();
  return retries.throttled === 0 && retries.failed === 0 ? undefined : retries;
}

/** Takes over the totals of a shipper in a process of its own. */
export function reportRetries(shipper: object, totals: StorageRetries): void {
  ofShippers.set(shipper, totals);
}

export function countRetry(reason: 'throttled' | 'failed'): void {
  counts[reason] += 1;
}

/** Counts time as paused until it is disposed. */
export function countPause(): Disposable {
  if (paused.requests === 0) paused = { ...paused, since: performance.now() };
  paused.requests += 1;
  return {
    [Symbol.dispose]() {
      paused.requests -= 1;
      if (paused.requests === 0) paused.ms += performance.now() - paused.since;
    },
  };
}
