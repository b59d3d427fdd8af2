import { pause } from '../../../async/poll.ts';
import { countPause } from '../../retries.ts';

/** The requests to one bucket per second, for all stores of this process. */
export interface Pace {
  /** Waits until `notBefore`, then for the turn of one attempt. A signal ends the wait early. */
  turn(signal: AbortSignal | undefined, notBefore: number): Promise<Turn>;
  /** True when the server has asked for fewer requests within the last half minute. */
  isSlow(): boolean;
  /** For how long the server has refused every request; 0 when it accepts some. */
  refusedMs(): number;
}

export interface Turn {
  succeeded(): void;
  /** The server asks for fewer requests, and for none in the next `retryAfterMs`. */
  throttled(retryAfterMs: number): void;
}

/** Even a server that refuses everything is asked this often, to notice when it stops. */
const PER_SECOND_MIN = 2;
/** A faster process has no limit. */
const PER_SECOND_MAX = 1_000;
/** Growth per second: up to half of the rate that was refused last, and above it. */
const GROWTH_FAST = 2;
const GROWTH_SLOW = 1.1;
/** Below this it doubles every second: a process that has just begun has not met the limit. */
const FAST_BELOW_MIN = 10;
const SLOW_MS = 30_000;
/** A refusal that is this much later than the one before begins a new series. */
const SERIES_MS = 60_000;
const SECOND_MS = 1_000;

/**
 * There is no limit until a server asks for one. Then the rate is halved, once for all requests
 * that were under way, and grows again with every success. Tests inject their timer.
 */
export function newPace(wait: typeof pause = pause): Pace {
  const now = () => performance.now();
  let perSecond = Number.POSITIVE_INFINITY;
  let fastBelow = FAST_BELOW_MIN;
  let nextAt = 0;
  /** When the rate was halved last. */
  let cutAt = Number.NEGATIVE_INFINITY;
  let grownAt = 0;
  let hasSucceeded = true;
  let refusedSince: number | undefined;
  let refusedAt = Number.NEGATIVE_INFINITY;
  let queue: Promise<void> = Promise.resolve();
  let queued = 0;
  const sent = countPerSecond();

  return {
    async turn(signal, notBefore) {
      if (queued > 0 || Math.max(nextAt, notBefore) > now()) {
        using _ = countPause();
        if (notBefore > now()) await wait(notBefore - now(), signal);
        await inOrder(signal);
      }
      return begin();
    },
    isSlow: () => now() - refusedAt < SLOW_MS,
    refusedMs: () => (refusedSince === undefined ? 0 : now() - refusedSince),
  };

  async function inOrder(signal: AbortSignal | undefined): Promise<void> {
    queued += 1;
    const mine = queue.then(async () => {
      while (nextAt > now() && signal?.aborted !== true) await wait(nextAt - now(), signal);
      queued -= 1;
      // Before the next one looks.
      if (signal?.aborted !== true) nextAt = now() + SECOND_MS / perSecond;
    });
    queue = mine;
    await mine;
  }

  function begin(): Turn {
    const startedAt = now();
    if (perSecond !== Number.POSITIVE_INFINITY) nextAt = startedAt + SECOND_MS / perSecond;
    sent.add(startedAt);
    return {
      succeeded() {
        if (startedAt > cutAt) grow();
      },
      throttled(retryAfterMs) {
        if (now() - refusedAt > SERIES_MS) refusedSince = undefined;
        refusedSince ??= now();
        refusedAt = now();
        if (startedAt > cutAt) cut();
        nextAt = Math.max(nextAt, now() + Math.max(SECOND_MS / perSecond, retryAfterMs));
      },
    };
  }

  function cut(): void {
    const reached = Math.min(perSecond, sent.perSecond(now()));
    // A server that refuses everything says nothing about the rate that it can bear.
    if (hasSucceeded) fastBelow = Math.max(FAST_BELOW_MIN, reached / 2);
    hasSucceeded = false;
    perSecond = Math.max(PER_SECOND_MIN, reached / 2);
    cutAt = now();
    grownAt = cutAt;
  }

  function grow(): void {
    refusedSince = undefined;
    hasSucceeded = true;
    if (perSecond === Number.POSITIVE_INFINITY) return;
    const seconds = Math.min(1, (now() - grownAt) / SECOND_MS);
    perSecond *= (perSecond < fastBelow ? GROWTH_FAST : GROWTH_SLOW) ** seconds;
    grownAt = now();
    if (perSecond >= PER_SECOND_MAX) perSecond = Number.POSITIVE_INFINITY;
  }
}

/** Events in the last second, from the counts of this second and of the one before. */
function countPerSecond() {
  let [second, count, before] = [0, 0, 0];
  const moveTo = (at: number) => {
    const current = Math.floor(at / SECOND_MS);
    if (current === second) return;
    before = current === second + 1 ? count : 0;
    second = current;
    count = 0;
  };
  return {
    add(at: number) {
      moveTo(at);
      count += 1;
    },
    perSecond(at: number) {
      moveTo(at);
      return count + before * (1 - (at % SECOND_MS) / SECOND_MS);
    },
  };
}

const paces = new Map<string, Pace>();

/** The pace of a bucket on a server, shared by the stores of this process. */
export function paceOf(endpoint: string, bucket: string): Pace {
  const key = `${endpoint} ${bucket}`;
  const known = paces.get(key) ?? newPace();
  paces.set(key, known);
  return known;
}
