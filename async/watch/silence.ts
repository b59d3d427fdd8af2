/** What a watch of silence observes, and what it does. */
export interface SilenceOptions {
  readonly afterMs: number;
  /** A value that changes with every sign of progress; undefined = nothing is awaited now. */
  readonly look: () => string | number | undefined;
  /**
   * Called when `look` has returned the same value for `afterMs`, and again after each further
   * `afterMs`; `silentMs` counts from the last change. Must not reject.
   */
  readonly onSilent: (silentMs: number) => Promise<void> | void;
}

const TICK_MS_MAX = 1_000;
const TICKS_PER_LIMIT = 8;
/** A process that was stopped for an hour has not waited for an hour. */
const TICKS_AT_ONCE_MAX = 3;

/** Watches for silence until it is disposed. Does not keep the process alive. */
export function watchSilence({ afterMs, look, onSilent }: SilenceOptions): Disposable {
  const tickMs = Math.min(TICK_MS_MAX, Math.max(10, afterMs / TICKS_PER_LIMIT));
  let last: string | number | undefined;
  let silentMs = 0;
  let nextMs = afterMs;
  let before = performance.now();
  let calling = false;
  const tick = () => {
    const now = performance.now();
    const elapsedMs = Math.min(now - before, tickMs * TICKS_AT_ONCE_MAX);
    before = now;
    const current = look();
    if (current === undefined || current !== last) {
      last = current;
      silentMs = 0;
      nextMs = afterMs;
      return;
    }
    silentMs += elapsedMs;
    if (silentMs < nextMs || calling) return;
    calling = true;
    void Promise.resolve(onSilent(silentMs)).finally(() => {
      calling = false;
      nextMs = silentMs + afterMs;
    });
  };
  const timer = setInterval(tick, tickMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
