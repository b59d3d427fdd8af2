import { setTimeout as sleep } from 'node:timers/promises';

/** Waits `ms`, or until the signal fires. Never throws: the caller looks at its signal next. */
export async function pause(ms: number, signal?: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

export interface PollOptions {
  readonly everyMs: number;
  /** Absent = without end. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Tests pass their own. */
  readonly now?: () => number;
}

/**
 * Calls `look` at once and then after each pause, until it gives something. One look more is made
 * after the time is over, so that a look that took long does not hide what has come meanwhile.
 * @returns what `look` gave; undefined when the time was over before.
 * @throws the signal's reason, and what `look` throws.
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
