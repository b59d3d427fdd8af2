import { pause, poll } from '../../async/poll.ts';

export interface WaitOptions {
  /** For a state that lasts shortly. Absent = pauses three times as long as a read takes. */
  readonly everyMs?: number;
  /** A bound for what hangs, not a measurement: a busy machine takes long. */
  readonly timeoutMs?: number;
}

/** The timeout of a test on servers: whatever waits by default ends no earlier than its test. */
const TIMEOUT_MS = 180_000;
const EVERY_MS = 20;
/** Longest pause that follows from the duration of a read. */
const PAUSE_MS_MAX = 500;

/**
 * Calls `read` until it returns something other than undefined, and returns that.
 * @throws Error that names `what` when the time is over.
 */
export async function waitFor<T>(
  what: string,
  read: () => Promise<T | undefined> | T | undefined,
  { everyMs, timeoutMs = TIMEOUT_MS }: WaitOptions = {},
): Promise<T> {
  const found = await poll(everyMs === undefined ? calmly(read) : async () => read(), {
    everyMs: everyMs ?? EVERY_MS,
    timeoutMs,
  });
  if (found === undefined) throw new Error(`waited ${timeoutMs} ms for ${what}`);
  return found;
}

/** Waits until a condition is true. @throws Error with its source when the time is over. */
export async function waitUntil(
  condition: () => Promise<boolean> | boolean,
  options?: WaitOptions,
): Promise<void> {
  const read = async () => ((await condition()) ? true : undefined);
  await waitFor(String(condition), read, options);
}

/**
 * Calls `read` until its value satisfies `matches`. Returns the last value in any case: the
 * caller's assertion then shows what was wrong with it.
 */
export async function readUntil<T>(
  read: () => Promise<T>,
  matches: (value: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  let value: T | undefined;
  const look = async () => {
    value = await read();
    return matches(value) ? true : undefined;
  };
  await poll(calmly(look), { everyMs: EVERY_MS, timeoutMs });
  // poll reads at least once.
  return value as T;
}

/** The same reader, with longer pauses: a psql in each read would else keep a core busy. */
function calmly<T>(read: () => Promise<T | undefined> | T | undefined) {
  return async (): Promise<T | undefined> => {
    const start = performance.now();
    const value = await read();
    const pauseMs = Math.min(PAUSE_MS_MAX, 3 * (performance.now() - start));
    if (value === undefined && pauseMs > EVERY_MS) await pause(pauseMs - EVERY_MS);
    return value;
  };
}
