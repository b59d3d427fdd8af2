import type { ObjectStore } from '../store.ts';

/**
 * The same store, whose small objects are read once. For a process that reads the same documents
 * again and again, as a restore that runs the functions itself does. No object changes under its
 * key, so what was read stays valid; an absent object is looked up again each time. Not for a
 * process that outlives a restore: it would not notice a document that is deleted or damaged later.
 * @param bytesMax bound of all remembered objects together. There is no eviction: callers cycle
 * through the documents, so an LRU cache would evict the next one needed.
 */
export function rememberedReads(store: ObjectStore, bytesMax: number): ObjectStore {
  const remembered = new Map<string, Uint8Array>();
  let rememberedBytes = 0;
  return {
    ...store,
    async read(key, options) {
      const found = remembered.get(key);
      // An object over the caller's limit goes to the store, which throws `storage/too-large`.
      if (found !== undefined && found.byteLength <= options.bytesMax) return found;
      const bytes = await store.read(key, options);
      if (!remembered.has(key) && rememberedBytes + bytes.byteLength <= bytesMax) {
        remembered.set(key, bytes);
        rememberedBytes += bytes.byteLength;
      }
      return bytes;
    },
    async delete(keys, options) {
      for (const key of keys) {
        rememberedBytes -= remembered.get(key)?.byteLength ?? 0;
        remembered.delete(key);
      }
      await store.delete(keys, options);
    },
  };
}
