import { onAbort } from './abort.ts';

/** A fixed number of reusable items, for callers that wait in line. */
export interface Pool<T> {
  /** A free item, or undefined. */
  tryTake(): T | undefined;
  /**
   * The next free item. Rejects with the signal's reason when it fires; the item then goes to the
   * next caller.
   */
  take(signal?: AbortSignal | undefined): Promise<T>;
  /** Returns an item. The item returned last is taken first: it is still in the CPU caches. */
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
      waiting.add(resolve);
      using _ = onAbort(signal, () => {
        waiting.delete(resolve);
        reject(signal?.reason as Error);
      });
      return await promise;
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
