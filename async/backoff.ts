import { setTimeout as sleep } from 'node:timers/promises';
import { interruption } from './abort.ts';

/**
 * A single reset is over at once; a gateway that restarts takes ten seconds. Six attempts with these pauses cover
 * both: 0.1, 0.3, 0.9, 2.7 and 8.1 s, less what is left to chance.
 */
const FIRST_MS = 100;
const FACTOR = 3;
const MS_MAX = 10_000;

/** How long to wait before attempt `attempt` (the second is 2); `random` in [0, 1) takes off up to half of it. */
export function backoffMs(attempt: number, random: number, firstMs = FIRST_MS): number {
  const ms = Math.min(firstMs * FACTOR ** (attempt - 2), MS_MAX);
  return ms - (ms / 2) * random;
}

/** Waits before another attempt, so that many who were refused together do not come back together. */
export async function backOff(
  attempt: number,
  signal: AbortSignal | undefined,
  doing: string,
): Promise<void> {
  try {
    await sleep(
      backoffMs(attempt, Math.random()),
      undefined,
      signal === undefined ? {} : { signal },
    );
  } catch (error) {
    throw signal === undefined ? error : interruption(signal, doing);
  }
}
