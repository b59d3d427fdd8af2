import { exists, notFound, tooLarge } from '../errors.ts';
import type { ObjectStore, StoredObject } from '../store.ts';

export interface KeptDocuments {
  /** Only objects below this prefix are kept. */
  readonly prefix: string;
  /** The objects that are stored too, for readers after this process. */
  readonly isStored: (key: string) => boolean;
}

/**
 * The same store, for a process that alone writes and reads what is below a prefix: it keeps these
 * objects in memory, answers from there, and stores only some of them. What it does not keep does
 * not exist for it. Only `read` also looks for a stored kind in the store.
 */
export function keptDocuments(
  store: ObjectStore,
  { prefix, isStored }: KeptDocuments,
): ObjectStore {
  const kept = new Map<string, { readonly object: StoredObject; readonly body: Uint8Array }>();
  const isOwn = (key: string) => key.startsWith(prefix);
  return {
    ...store,
    async create(key, body, options) {
      if (!isOwn(key)) return store.create(key, body, options);
      if (kept.has(key)) throw exists(key);
      const object = isStored(key)
        ? await store.create(key, body, options)
        : { key, bytes: body.byteLength, modifiedAt: new Date() };
      kept.set(key, { object, body });
      return object;
    },
    async *get(key, options = {}) {
      const { body } = kept.get(key) ?? {};
      if (body === undefined) return yield* store.get(key, options);
      const { offset = 0, length = body.byteLength - offset } = options;
      if (length > 0) yield body.subarray(offset, offset + length);
    },
    async read(key, options) {
      const found = kept.get(key)?.body;
      if (found === undefined) {
        if (isOwn(key) && !isStored(key)) throw notFound(key, store.url);
        return store.read(key, options);
      }
      const { bytesMax } = options;
      if (found.byteLength > bytesMax) throw tooLarge(key, found.byteLength, bytesMax);
      return found;
    },
    head: async (key, options) =>
      isOwn(key) ? kept.get(key)?.object : await store.head(key, options),
    async *list(wanted, options) {
      if (!isOwn(wanted)) return yield* store.list(wanted, options);
      const keys = [...kept.keys()].filter((key) => key.startsWith(wanted)).sort();
      for (const key of keys) {
        const object = kept.get(key)?.object;
        if (object !== undefined) yield object;
      }
    },
  };
}
