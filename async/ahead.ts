interface AheadOptions<T> {
  /** Bound on queued items plus the item that was taken last. One item alone may be larger. */
  readonly bytesMax: number;
  readonly bytesOf: (item: T) => number;
  readonly signal: AbortSignal;
}

/**
 * Reads a source ahead of its consumer. The signal that the source gets also fires when the
 * consumer stops early. The iteration ends only after the source has ended.
 * @throws the error of the source, after all items that came before it.
 */
export async function* ahead<T>(
  source: (signal: AbortSignal) => AsyncIterable<T>,
  { bytesMax, bytesOf, signal }: AheadOptions<T>,
): AsyncGenerator<T> {
  // Sizes are measured once: the consumer may release an item's memory before it is subtracted.
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
    left.abort(new Error('the consumer stopped reading'));
    change();
    await reading;
  }
}
