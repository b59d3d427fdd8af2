interface AheadOptions<T> {
  /** What may wait, with what was taken last, in bytes; one item alone may have more. */
  readonly bytesMax: number;
  readonly bytesOf: (item: T) => number;
  readonly signal: AbortSignal;
}

/**
 * Reads a source ahead of whoever takes from it. The source's signal also fires when nobody takes any more; it has ended when
 * the iteration has.
 * @throws what the source throws, after all that it gave before.
 */
export async function* ahead<T>(
  source: (signal: AbortSignal) => AsyncIterable<T>,
  { bytesMax, bytesOf, signal }: AheadOptions<T>,
): AsyncGenerator<T> {
  const waiting: T[] = [];
  const left = new AbortController();
  let held = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const reading = (async () => {
    try {
      for await (const item of source(AbortSignal.any([signal, left.signal]))) {
        waiting.push(item);
        held += bytesOf(item);
        change();
        while (held >= bytesMax && !left.signal.aborted) await changed.promise;
        if (left.signal.aborted) return;
      }
    } catch (error) {
      failure = { error };
    } finally {
      ended = true;
      change();
    }
  })();
  try {
    for (;;) {
      const item = waiting.shift();
      if (item !== undefined) {
        yield item;
        held -= bytesOf(item);
        change();
      } else if (!ended) {
        await changed.promise;
      } else if (failure !== undefined) {
        throw failure.error;
      } else {
        return;
      }
    }
  } finally {
    left.abort(new Error('nobody reads any more'));
    change();
    await reading;
  }
}
