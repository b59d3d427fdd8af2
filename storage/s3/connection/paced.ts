import type { S3Client } from '@aws-sdk/client-s3';
import { jittered } from '../../../async/backoff.ts';
import type { Pace } from './pace.ts';
import { noteDuration, PAUSE_MS_MAX } from './retry.ts';
import { isThrottling } from './throttling.ts';

/** The pauses of one request grow to this; the pace of all of them is what protects the server. */
const FIRST_PAUSE_MS = 500;
const NEXT_PAUSES_MS = 1_000;

/** Each attempt of each request waits for its turn, and tells the pace how it ended. */
export function paceRequests(client: S3Client, pace: Pace): void {
  client.middlewareStack.addRelativeTo(
    <Args, Result>(next: (args: Args) => Promise<Result>, context: object) => {
      let notBefore = 0;
      let refusals = 0;
      return async (args: Args) => {
        const signal = signalOf(context);
        const turn = await pace.turn(signal, notBefore);
        signal?.throwIfAborted();
        const startedAt = performance.now();
        try {
          const result = await next(args);
          turn.succeeded();
          return result;
        } catch (error) {
          noteDuration(error, performance.now() - startedAt);
          if (isThrottling(error, pace.isSlow())) {
            refusals += 1;
            const pauseMs = jittered(refusals === 1 ? FIRST_PAUSE_MS : NEXT_PAUSES_MS);
            notBefore = performance.now() + pauseMs;
            turn.throttled(retryAfterMs(error));
          }
          throw error;
        }
      };
    },
    // Inside the retries, outside the signature: a signature is valid for 15 minutes only.
    { relation: 'after', toMiddleware: 'retryMiddleware', name: 'paceRequests' },
  );
}

const signalOf = (context: object): AbortSignal | undefined =>
  (context as { __smithy_context?: { abortSignal?: AbortSignal } }).__smithy_context?.abortSignal;

/** Retry-After in seconds or as a date. */
function retryAfterMs(error: unknown): number {
  const { headers } =
    (error as { $response?: { headers?: Record<string, string> } }).$response ?? {};
  const text = headers?.['retry-after'];
  if (text === undefined) return 0;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), PAUSE_MS_MAX);
}
