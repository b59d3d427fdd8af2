import type { ObjectStore } from '../store.ts';

/**
 * Waits until this host may send or receive so many more bytes.
 * @throws the signal's reason, when it fires first.
 */
export type Throttle = (bytes: number, signal: AbortSignal) => Promise<void>;

const NEVER = new AbortController().signal;

/**
 * The same store, read no faster than the throttle allows. A response that is not consumed waits in
 * the server. A server-side copy is not throttled: its bytes do not pass through this host.
 */
export function throttledReads(store: ObjectStore, throttle: Throttle): ObjectStore {
  return {
    ...store,
    async *get(key, options = {}) {
      for await (const chunk of store.get(key, options)) {
        await throttle(chunk.byteLength, options.signal ?? NEVER);
        yield chunk;
      }
    },
    async read(key, options) {
      const bytes = await store.read(key, options);
      await throttle(bytes.byteLength, options.signal ?? NEVER);
      return bytes;
    },
  };
}
