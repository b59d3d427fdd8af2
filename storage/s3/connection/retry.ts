import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { backoffMs } from '../../../async/backoff.ts';

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
 * Attempts that timed out may take `silentMsMax` together: a server that never answers is not asked
 * again for as long as there are attempts left.
 */
export function retryStrategy(
  attemptsMax: number,
  silentMsMax = Number.POSITIVE_INFINITY,
): RetryStrategy {
  return {
    acquireInitialRetryToken: async () => token(0, 0),
    async refreshRetryTokenForRetry(last, { error, errorType, retryAfterHint }) {
      const retries = last.getRetryCount() + 1;
      const isRetryable = errorType === 'THROTTLING' || errorType === 'TRANSIENT';
      if (!isRetryable || retries >= attemptsMax) throw new Error('no further attempt');
      const { silentMs, beginsAt } = last as SilenceToken;
      const attemptMs = isTimeout(error) ? Math.max(0, performance.now() - beginsAt) : 0;
      if (silentMs + 2 * attemptMs > silentMsMax) throw new Error('no further attempt');
      const firstMs = errorType === 'THROTTLING' ? THROTTLED_FIRST_PAUSE_MS : undefined;
      const requestedMs = Math.min((retryAfterHint?.getTime() ?? 0) - Date.now(), PAUSE_MS_MAX);
      const pauseMs = Math.max(requestedMs, backoffMs(retries + 1, Math.random(), firstMs));
      return token(retries, pauseMs, silentMs + attemptMs);
    },
    recordSuccess: () => undefined,
  };
}

interface SilenceToken extends Token {
  /** How long the attempts took that timed out. */
  readonly silentMs: number;
  /** When the next attempt begins. */
  readonly beginsAt: number;
}

function token(retries: number, delayMs: number, silentMs = 0): SilenceToken {
  const beginsAt = performance.now() + delayMs;
  return { getRetryCount: () => retries, getRetryDelay: () => delayMs, silentMs, beginsAt };
}

const isTimeout = (error: unknown) => error instanceof Error && error.name === 'TimeoutError';
