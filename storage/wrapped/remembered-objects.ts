import type { ObjectStore } from '../store.ts';

export interface RememberedObjects {
  readonly isWanted: (key: string) => boolean;
  /** Bound of all remembered objects together; further ones are read again. */
  readonly bytesMax: number;
}

/**
 * The same store, whose wanted objects are read once when they are read as a whole with `get`. For
 * the archive of a schema, which several phases of a restore read one after the other. Each of them
 * compares the bytes with their digest again.
 */
export function rememberedObjects(
  store: ObjectStore,
  { isWanted, bytesMax }: RememberedObjects,
): ObjectStore {
  const remembered = new Map<string, Uint8Array>();
  let heldBytes = 0;
  return {
    ...store,
    async *get(key, options = {}) {
      const isPart = options.offset !== undefined || options.length !== undefined;
      if (isPart || !isWanted(key)) return yield* store.get(key, options);
      const found = remembered.get(key);
      if (found !== undefined) {
        if (found.byteLength > 0) yield found;
        return;
      }
      const copies: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of store.get(key, options)) {
        bytes += chunk.byteLength;
        // The store may use the memory of a chunk again.
        if (heldBytes + bytes <= bytesMax) copies.push(Buffer.from(chunk));
        else copies.length = 0;
        yield chunk;
      }
      if (remembered.has(key) || heldBytes + bytes > bytesMax) return;
      heldBytes += bytes;
      remembered.set(key, Buffer.concat(copies));
    },
  };
}
