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
  // Measured once: whoever takes an item may have given its memory back before we count it as gone.
  const waiting: { readonly item: T; readonly bytes: number }[] = [];
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
        const bytes = bytesOf(item);
        waiting.push({ item, bytes });
        held += bytes;
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
      const next = waiting.shift();
      if (next !== undefined) {
        yield next.item;
        held -= next.bytes;
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
