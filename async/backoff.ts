import { setTimeout as sleep } from 'node:timers/promises';
import { interruptedError } from './abort.ts';

/**
 * A connection reset is over at once; a gateway takes ten seconds to restart. Six attempts with
 * these pauses cover both: 0.1, 0.3, 0.9, 2.7 and 8.1 s, minus the jitter.
 */
const FIRST_MS = 100;
const FACTOR = 3;
const MS_MAX = 10_000;

/** `ms` minus up to half of it: clients that failed together must not retry together. */
export function jittered(ms: number, random = Math.random()): number {
  return ms - (ms / 2) * random;
}

/**
 * The pause before attempt `attempt` (2 is the first retry), in milliseconds; `random` in [0, 1).
 */
export function backoffMs(attempt: number, random: number, firstMs = FIRST_MS): number {
  return jittered(Math.min(firstMs * FACTOR ** (attempt - 2), MS_MAX), random);
}

/**
 * Waits before attempt `attempt`. @throws StowageError of `interruptedError` when the signal fires.
 */
export async function backOff(
  attempt: number,
  signal: AbortSignal | undefined,
  doing: string,
): Promise<void> {
  try {
    await sleep(backoffMs(attempt, Math.random()), undefined, { signal });
  } catch (error) {
    throw signal === undefined ? error : interruptedError(signal, doing);
  }
}
