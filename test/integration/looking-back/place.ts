import type { GeneratedSet } from '../../../backup-set/testing/committed/committed-set.ts';
import { committedSet } from '../../../backup-set/testing/committed/committed-set.ts';
import type { ObjectStore } from '../../../storage/store.ts';

/** Stores a generated set: documents, and packs of zeros that have the right sizes. */
export async function storeSet(store: ObjectStore, set: GeneratedSet): Promise<void> {
  const { documents, packs } = committedSet(set);
  for (const { key, bytes } of packs) await store.create(key, new Uint8Array(bytes));
  for (const { key, bytes } of documents) await store.create(key, bytes);
}

/** A store that counts its requests. */
export function counted(store: ObjectStore): { store: ObjectStore; requests: () => number } {
  let requests = 0;
  const one = <T>(value: T): T => {
    requests += 1;
    return value;
  };
  return {
    store: {
      ...store,
      read: (...args) => one(store.read(...args)),
      head: (...args) => one(store.head(...args)),
      list: (...args) => one(store.list(...args)),
      listPrefixes: (...args) => one(store.listPrefixes(...args)),
    },
    requests: () => requests,
  };
}
