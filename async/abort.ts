import { StowageError } from '../backup-set/base/errors.ts';

/**
 * What is thrown when the caller's signal ended `doing`. A reason that already is one of our errors is passed on: it
 * says why everything was ended, which is what the user must see.
 */
export function interruption(signal: AbortSignal, doing: string): StowageError {
  const reason: unknown = signal.reason;
  if (reason instanceof StowageError) return reason;
  return new StowageError('interrupted', `${doing} was ended on request`, { cause: reason });
}

export function throwIfInterrupted(signal: AbortSignal | undefined, doing: string): void {
  if (signal?.aborted) throw interruption(signal, doing);
}

/**
 * Iterates `source` and stops at once when `signal` fires, even when the source is stuck in `next()`.
 * The source is told to end (`return`) but not waited for: a stuck source must not hold up the clean-up of a store.
 */
export async function* untilInterrupted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
  doing: string,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  // No race with one promise for the whole stream: each race would leave its chunk in that promise's list of reactions.
  let fired: ((reason: unknown) => void) | undefined;
  const fire = () => fired?.(signal === undefined ? undefined : interruption(signal, doing));
  signal?.addEventListener('abort', fire, { once: true });
  try {
    for (;;) {
      throwIfInterrupted(signal, doing);
      const step = await new Promise<IteratorResult<T, unknown>>((resolve, reject) => {
        fired = reject;
        iterator.next().then(resolve, (error: unknown) => {
          ended = true;
          reject(error as Error);
        });
      });
      if (step.done === true) {
        ended = true;
        return;
      }
      yield step.value;
    }
  } finally {
    signal?.removeEventListener('abort', fire);
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/**
 * A signal that fires `ms` after `signal` did: for the one request that must not be cut off, because it may have made
 * something on the server that only its answer names.
 */
export function delayed(
  signal: AbortSignal,
  ms: number,
): { late: AbortSignal; release: () => void } {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const fire = () => {
    timer = setTimeout(() => late.abort(signal.reason), ms);
  };
  if (signal.aborted) fire();
  else signal.addEventListener('abort', fire, { once: true });
  const release = () => {
    signal.removeEventListener('abort', fire);
    clearTimeout(timer);
  };
  return { late: late.signal, release };
}
