/** Things of which there are only so many, for takers that wait in line. */
export interface Pool<T> {
  /** One that is free now. */
  tryTake(): T | undefined;
  /** The next one that becomes free. Rejects with the signal's reason; what was given to it then goes to the next. */
  take(signal?: AbortSignal | undefined): Promise<T>;
  /** What was given back last is taken first: its memory is still in the processor's caches. */
  give(item: T): void;
}

export function createPool<T>(items: readonly T[]): Pool<T> {
  const free = [...items];
  const waiting = new Set<(item: T) => void>();
  const tryTake = () => free.pop();
  return {
    tryTake,
    take: async (signal) => {
      signal?.throwIfAborted();
      const item = tryTake();
      if (item !== undefined) return item;
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const abort = () => {
        waiting.delete(resolve);
        reject(signal?.reason as Error);
      };
      waiting.add(resolve);
      signal?.addEventListener('abort', abort, { once: true });
      try {
        return await promise;
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    },
    give: (item) => {
      const [first] = waiting;
      if (first === undefined) {
        free.push(item);
        return;
      }
      waiting.delete(first);
      first(item);
    },
  };
}
