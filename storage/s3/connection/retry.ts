import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { backoffMs } from '../../../async/backoff.ts';
import { countRetry } from '../../retries.ts';
import type { Pace } from './pace.ts';
import { isThrottling } from './throttling.ts';

type RetryStrategy = Extract<
  NonNullable<S3ClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type Token = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;

export interface RetryLimits {
  /** Attempts without an answer, or with one that says to try again. */
  readonly attemptsMax: number;
  /** How long a request may be throttled. */
  readonly throttledMsMax: number;
  /** What attempts that timed out may take together; absent = any time. */
  readonly silentMsMax?: number;
}

/** The maximum of one pause, also when the server asks for a longer one (Retry-After). */
export const PAUSE_MS_MAX = 10_000;

/**
 * Retries what the SDK classifies as throttling or transient (429, 500, 502–504, resets, timeouts,
 * no connection), with our pauses. The SDK's own strategy stops after a second, and all requests of
 * a client share 35 retries: a gateway that restarts during twenty uploads would fail all of them.
 *
 * Throttling is counted in time, and its pauses are those of `pace.ts`. When the server has refused
 * everything for `throttledMsMax`, further requests have `attemptsMax` attempts: else each of them
 * would wait as long again. A server that never answers is not asked again for as long as there are
 * attempts left, but for `silentMsMax`.
 */
export function retryStrategy(limits: RetryLimits, pace: Pace): RetryStrategy {
  const { silentMsMax = Number.POSITIVE_INFINITY, throttledMsMax, attemptsMax } = limits;
  return {
    acquireInitialRetryToken: async () => token({}),
    async refreshRetryTokenForRetry(given, { error, errorType, retryAfterHint }) {
      const last = given as RetryToken;
      const now = performance.now();
      if (isThrottling(error, pace.isSlow())) {
        const { throttledSince = now } = last;
        const throttled = last.throttled + 1;
        const isHopeless = pace.refusedMs() >= throttledMsMax && throttled >= attemptsMax;
        if (isHopeless || now - throttledSince >= throttledMsMax) throw ended();
        countRetry('throttled');
        return token({ ...last, throttled, throttledSince, delayMs: 0 });
      }
      const failed = last.failed + 1;
      const isRetryable = errorType === 'THROTTLING' || errorType === 'TRANSIENT';
      if (!isRetryable || failed >= attemptsMax) throw ended();
      const attemptMs = isTimeout(error) ? (durations.get(error) ?? 0) : 0;
      if (last.silentMs + 2 * attemptMs > silentMsMax) throw ended();
      countRetry('failed');
      const requestedMs = Math.min((retryAfterHint?.getTime() ?? 0) - Date.now(), PAUSE_MS_MAX);
      const delayMs = Math.max(requestedMs, backoffMs(failed + 1, Math.random()));
      return token({ ...last, failed, silentMs: last.silentMs + attemptMs, delayMs });
    },
    recordSuccess: () => undefined,
  };
}

interface RetryToken extends Token {
  readonly failed: number;
  readonly throttled: number;
  /** When the first attempt was throttled. */
  readonly throttledSince: number | undefined;
  /** How long the attempts took that timed out. */
  readonly silentMs: number;
}

function token(fields: Partial<RetryToken> & { readonly delayMs?: number }): RetryToken {
  const { failed = 0, throttled = 0, throttledSince, silentMs = 0, delayMs = 0 } = fields;
  return {
    failed,
    throttled,
    throttledSince,
    silentMs,
    getRetryCount: () => failed + throttled,
    getRetryDelay: () => delayMs,
  };
}

/** The SDK then throws the error of the last attempt. */
const ended = () => new Error('no further attempt');

const isTimeout = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'TimeoutError';

const durations = new WeakMap<object, number>();

/** Notes how long an attempt took that failed, without its wait for a turn. */
export function noteDuration(error: unknown, ms: number): void {
  if (typeof error === 'object' && error !== null) durations.set(error, ms);
}
