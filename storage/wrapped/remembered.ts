import type { ObjectStore } from '../store.ts';

/**
 * The same store, whose small objects are read once: for a process in which many ask for the same documents one after the
 * other, as a restore that plays the functions itself. No object changes under its name, so what was read stays true; what
 * was not there is asked for again each time. Not for processes that outlive a restore: a document that is deleted or
 * damaged meanwhile would go unnoticed.
 * @param bytesMax what is kept in all. Nothing gives way when it is full: those who ask go round and round the same
 * documents, and would find each one just replaced.
 */
export function rememberReads(store: ObjectStore, bytesMax: number): ObjectStore {
  const kept = new Map<string, Uint8Array>();
  let held = 0;
  return {
    ...store,
    async read(key, options) {
      const found = kept.get(key);
      // What is larger than somebody will have is refused by the store itself.
      if (found !== undefined && found.byteLength <= options.bytesMax) return found;
      const bytes = await store.read(key, options);
      if (!kept.has(key) && held + bytes.byteLength <= bytesMax) {
        kept.set(key, bytes);
        held += bytes.byteLength;
      }
      return bytes;
    },
    async delete(keys, options) {
      for (const key of keys) {
        held -= kept.get(key)?.byteLength ?? 0;
        kept.delete(key);
      }
      await store.delete(keys, options);
    },
  };
}
