import { setTimeout as sleep } from 'node:timers/promises';

/** Waits `ms`, or until the signal fires. Never throws: the caller checks its signal. */
export async function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

export interface PollOptions {
  readonly everyMs: number;
  /** Absent = no timeout. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Tests inject a clock, in milliseconds. */
  readonly now?: () => number;
}

/**
 * Calls `look` at once and then after each pause, until it returns a value. It is called once more
 * after the timeout, in case the value arrived during the last pause.
 * @returns the value, or undefined after the timeout.
 * @throws the signal's reason, and the errors of `look`.
 */
export async function poll<T>(
  look: () => Promise<T | undefined>,
  { everyMs, timeoutMs, signal, now = Date.now }: PollOptions,
): Promise<T | undefined> {
  const until = timeoutMs === undefined ? Number.POSITIVE_INFINITY : now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    if (now() >= until) return undefined;
    await pause(everyMs, signal);
  }
}
