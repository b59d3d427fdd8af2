import type { S3Client } from '@aws-sdk/client-s3';
import { interruptedError, onAbort, throwIfInterrupted } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { s3Error } from '../errors.ts';
import { watchServer } from '../silence/server.ts';
import type { S3 } from './client.ts';
import { isThrottling } from './throttling.ts';

export interface Call {
  /** The operation and its object, for messages: `reading sets/…`. */
  readonly doing: string;
  readonly object?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The server may work for minutes before it sends anything. */
  readonly longTimeout?: boolean | undefined;
}

/** The options that the SDK takes beside a command. */
export interface HttpOptions {
  abortSignal?: AbortSignal;
}

/**
 * Sends one request, with the SDK's retries. Ends at once when the signal fires, also between two
 * attempts. @throws StowageError with a code.
 */
export async function request<T>(
  s3: S3,
  call: Call,
  send: (client: S3Client, http: HttpOptions) => Promise<T>,
): Promise<T> {
  const { signal, doing } = call;
  throwIfInterrupted(signal, doing);
  const client = call.longTimeout === true ? s3.longTimeoutClient : s3.client;
  try {
    const ended = new AbortController();
    const interrupted = Promise.withResolvers<never>();
    using _ = onAbort(signal, () => {
      if (signal !== undefined) interrupted.reject(interruptedError(signal, doing));
      ended.abort(signal?.reason);
    });
    using __ = call.longTimeout === true ? watchServer(s3, doing, end) : undefined;
    return await Promise.race([send(client, { abortSignal: ended.signal }), interrupted.promise]);
    function end(error: Error): void {
      interrupted.reject(error);
      ended.abort(error);
    }
  } catch (error) {
    throwIfInterrupted(signal, doing);
    throw untrusted(throttledFor(s3, s3Error(error, doing, s3.bucket, call.object)));
  }
}

const UNTRUSTED = new Set([
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Says of a certificate that is not trusted which setting names its authority. */
function untrusted(error: StowageError): StowageError {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (code === undefined || !UNTRUSTED.has(code)) return error;
  const note = 'if the authority of its certificate is your own, name its file in storage.caFile';
  return noted(error, note);
}

const noted = ({ code, message, cause, where }: StowageError, note: string) =>
  new StowageError(code, `${message}; ${note}`, { cause, where });

/** Says of a request that was throttled to its end which setting bounds that. */
function throttledFor({ settings }: S3, error: StowageError): StowageError {
  if (!isThrottling(error.cause)) return error;
  const seconds = Math.round(settings.throttledMsMax / 1000);
  const note = `the store asked for fewer requests for ${seconds} s (storage.throttleMinutes)`;
  return noted(error, note);
}
