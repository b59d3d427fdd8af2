import type { ObjectStore } from '../store.ts';

/** The same store, which reports the size of every chunk that is read, also of repeated reads. */
export function meteredReads(store: ObjectStore, onBytes: (bytes: number) => void): ObjectStore {
  return {
    ...store,
    async *get(key, options) {
      for await (const chunk of store.get(key, options)) {
        onBytes(chunk.byteLength);
        yield chunk;
      }
    },
    async read(key, options) {
      const bytes = await store.read(key, options);
      onBytes(bytes.byteLength);
      return bytes;
    },
  };
}
