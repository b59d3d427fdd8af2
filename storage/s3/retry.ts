import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { backoffMs } from '../../async/backoff.ts';

type RetryStrategy = Extract<
  NonNullable<S3ClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type Token = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;

/** An overloaded server gets a longer pause than one that could not be reached. */
const THROTTLED_FIRST_PAUSE_MS = 500;
/** The maximum of one pause, also when the server asks for a longer one (Retry-After). */
const PAUSE_MS_MAX = 10_000;

/**
 * Retries what the SDK classifies as throttling or transient (429, 500, 502–504, resets, timeouts,
 * no connection), with our pauses. The SDK's own strategy stops after a second, and all requests of
 * a client share 35 retries: a gateway that restarts during twenty uploads would fail all of them.
 */
export function retryStrategy(attemptsMax: number): RetryStrategy {
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(last, { errorType, retryAfterHint }) {
      const retries = last.getRetryCount() + 1;
      const isRetryable = errorType === 'THROTTLING' || errorType === 'TRANSIENT';
      if (!isRetryable || retries >= attemptsMax) throw new Error('no further attempt');
      const firstMs = errorType === 'THROTTLING' ? THROTTLED_FIRST_PAUSE_MS : undefined;
      const requestedMs = Math.min((retryAfterHint?.getTime() ?? 0) - Date.now(), PAUSE_MS_MAX);
      return token(retries, Math.max(requestedMs, backoffMs(retries + 1, Math.random(), firstMs)));
    },
    recordSuccess: () => undefined,
  };
}

function token(retries: number, delayMs: number): Token {
  return { getRetryCount: () => retries, getRetryDelay: () => delayMs };
}
