import { useEffect, useState } from 'preact/hooks';
import type { ApiError } from '../../functions/serve/console/api.ts';

/** What the server says about a failure. */
export type Failure = ApiError['error'];

export interface Answer<Value> {
  readonly value?: Value;
  /** A value can be there as well: the last one that arrived. */
  readonly failure?: Failure;
}

const TIMEOUT_MS = 60_000;

/** An address below /console/api/. The page has no other. */
export const apiAddress = (root: number, path: string): string => `api/${root}/${path}`;

/** A value that is asked for again while the page is visible; a 304 costs no rendering. */
export function useApi<Value>(
  address: string | undefined,
  pollMs: (value: Value | undefined) => number | undefined,
): Answer<Value> {
  const [state, setState] = useState<Answer<Value> & { readonly of?: string }>({});
  useEffect(() => {
    if (address === undefined) return undefined;
    const ended = new AbortController();
    let timer: number | undefined;
    let etag: string | undefined;
    let value: Value | undefined;
    let hasFailed = false;
    const look = async () => {
      try {
        const response = await ask(address, ended.signal, etag);
        if (response.status !== 304) {
          etag = response.headers.get('etag') ?? undefined;
          value = (await response.json()) as Value;
        }
        if (value !== undefined && (response.status !== 304 || hasFailed))
          setState({ of: address, value });
        hasFailed = false;
      } catch (error) {
        if (ended.signal.aborted) return;
        hasFailed = true;
        setState({ of: address, ...(value !== undefined && { value }), failure: failureOf(error) });
      }
      const pause = pollMs(value);
      if (pause !== undefined && !ended.signal.aborted)
        timer = setTimeout(() => void lookWhenVisible(), pause) as unknown as number;
    };
    const lookWhenVisible = async () => {
      if (document.visibilityState === 'hidden') await visible(ended.signal);
      if (!ended.signal.aborted) await look();
    };
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [address]);
  return state.of === address ? state : {};
}

export class ApiFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** @throws ApiFailure */
export async function ask(address: string, signal: AbortSignal, etag?: string): Promise<Response> {
  const response = await fetch(address, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    cache: 'no-store',
    credentials: 'same-origin',
    headers: etag === undefined ? {} : { 'if-none-match': etag },
  });
  if (response.ok || response.status === 304) return response;
  const body = (await response.json().catch(() => undefined)) as Partial<ApiError> | undefined;
  throw new ApiFailure({
    code: body?.error?.code ?? `http/${response.status}`,
    message: body?.error?.message ?? `the server answered ${response.status}`,
    ...(body?.error?.hint !== undefined && { hint: body.error.hint }),
  });
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ApiFailure) return error.failure;
  return {
    code: 'unreachable',
    message: 'stowage serve does not answer. The page asks again.',
  };
}

function visible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    document.addEventListener('visibilitychange', () => resolve(), { once: true, signal });
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
