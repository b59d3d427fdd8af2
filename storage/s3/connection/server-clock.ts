import type { S3Client } from '@aws-sdk/client-s3';

/** The server's time, from the `Date` headers of its responses. */
export interface ServerClock {
  /** Takes the `Date` header of a response that has just arrived. */
  sample(header: string | undefined): void;
  /** Undefined before the first response, and when the last one is older than a minute. */
  now(): Date | undefined;
}

/** A process can be suspended, and the clock of a server can be set. */
const VALID_MS = 60_000;
/** `Date` has whole seconds, and a response takes time: a header this old shows a changed clock. */
const LATE_MS_MAX = 3_000;

/**
 * Each header is a little early, because it has whole seconds and has travelled. So the latest time
 * that any header gives is kept: the clock does not go back between two responses.
 * @param elapsedMs a clock that is never set, such as `performance.now`.
 */
export function serverClock(elapsedMs: () => number = () => performance.now()): ServerClock {
  /** The server's time at the zero of `elapsedMs`. */
  let zero: number | undefined;
  let sampledAt = 0;
  return {
    sample(header) {
      const time = Date.parse(header ?? '');
      if (Number.isNaN(time)) return;
      const at = elapsedMs();
      const found = time - at;
      const isSet = zero === undefined || found < zero - LATE_MS_MAX;
      zero = isSet ? found : Math.max(zero ?? found, found);
      sampledAt = at;
    },
    now() {
      const at = elapsedMs();
      if (zero === undefined || at - sampledAt > VALID_MS) return undefined;
      return new Date(zero + at);
    },
  };
}

/** Samples every response of a client, also those that report an error. */
export function withServerClock(client: S3Client, clock: ServerClock): S3Client {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      clock.sample(headers?.['date']);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'serverClock' },
  );
  return client;
}
