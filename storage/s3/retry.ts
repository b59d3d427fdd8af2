import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { backoffMs } from '../../async/backoff.ts';

type RetryStrategy = Extract<
  NonNullable<S3ClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type Token = Awaited<ReturnType<RetryStrategy['acquireInitialRetryToken']>>;

/** A server that says it has too much to do is given longer than one that was not reached. */
const THROTTLED_FIRST_MS = 500;
/** As long as one pause may get, also when the server asks for more (Retry-After). */
const ASKED_MS_MAX = 10_000;

/**
 * When the SDK tries a request again: what it takes for throttling or transient (429, 500, 502–504, resets, timeouts,
 * no connection), with our pauses. The SDK's own strategy gives up after a second, and lets all requests of a client
 * share 35 retries: a gateway that restarts under twenty uploads would end every one of them.
 */
export function retryStrategy(attemptsMax: number): RetryStrategy {
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(last, { errorType, retryAfterHint }) {
      const retries = last.getRetryCount() + 1;
      const isWorthIt = errorType === 'THROTTLING' || errorType === 'TRANSIENT';
      if (!isWorthIt || retries >= attemptsMax) throw new Error('no further attempt');
      const firstMs = errorType === 'THROTTLING' ? THROTTLED_FIRST_MS : undefined;
      const askedMs = Math.min((retryAfterHint?.getTime() ?? 0) - Date.now(), ASKED_MS_MAX);
      return token(retries, Math.max(askedMs, backoffMs(retries + 1, Math.random(), firstMs)));
    },
    recordSuccess: () => undefined,
  };
}

function token(retries: number, delayMs: number): Token {
  return { getRetryCount: () => retries, getRetryDelay: () => delayMs };
}
