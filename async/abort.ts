import { StowageError } from '../backup-set/base/errors.ts';

/**
 * The error to throw after `signal` has ended `doing`. A reason that is a StowageError is passed
 * on: it says why the run was ended, which the user must see.
 */
export function interruptedError(signal: AbortSignal, doing = 'the run'): StowageError {
  const reason: unknown = signal.reason;
  if (reason instanceof StowageError) return reason;
  return new StowageError('interrupted', `${doing} was interrupted`, { cause: reason });
}

/** @throws the StowageError of `interruptedError` if the signal has fired. */
export function throwIfInterrupted(signal: AbortSignal | undefined, doing?: string): void {
  if (signal?.aborted === true) throw interruptedError(signal, doing);
}

/**
 * Calls `listener` once when the signal fires, or at once if it has fired. Declare the result with
 * `using`: the listener is removed at the end of the block, so that a long-lived signal does not
 * accumulate listeners.
 */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): Disposable {
  if (signal?.aborted === true) listener();
  else signal?.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', listener) };
}

/**
 * Iterates `source` and stops at once when `signal` fires, even if the source is stuck in `next()`.
 * It calls `return()` of the source but does not await it: a stuck source must not block the
 * clean-up of a store.
 * @throws StowageError of `interruptedError` when the signal fires, and the errors of `source`.
 */
export async function* untilInterrupted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
  doing: string,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  // Not Promise.race with one promise for the whole stream: it would keep every chunk in memory.
  let fired: ((reason: unknown) => void) | undefined;
  using _ = onAbort(signal, () =>
    fired?.(signal === undefined ? undefined : interruptedError(signal, doing)),
  );
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
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/**
 * A signal that fires `ms` after `signal`. For a request that must not be cancelled at once,
 * because it may have created something on the server that only its response names.
 */
export function delayedAbort(
  signal: AbortSignal,
  ms: number,
): Disposable & { readonly signal: AbortSignal } {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const listening = onAbort(signal, () => {
    timer = setTimeout(() => late.abort(signal.reason), ms);
  });
  return {
    signal: late.signal,
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      clearTimeout(timer);
    },
  };
}
