import { checkKey, checkPrefix } from '../../storage/check-key.ts';
import { exists, notFound, tooLarge } from '../../storage/errors.ts';
import { rangeInside } from '../../storage/ranges.ts';
import type { ObjectStore, StoredObject } from '../../storage/store.ts';

type Objects = Map<string, { readonly bytes: Uint8Array; readonly stored: StoredObject }>;

/** What the stores hold, so that a test can copy a store. */
const contents = new WeakMap<ObjectStore, Objects>();

export interface MemoryOptions {
  /** Absent = it is always 1970. */
  readonly clock?: () => Date;
  /** Another memory store: the new one begins with its objects. */
  readonly like?: ObjectStore;
}

/**
 * A store in memory for thousands of small worlds. It implements the part of the interface that the
 * functions use. A test runs the same worlds on a directory store and compares the results.
 */
export function openMemory(url: string, { clock, like }: MemoryOptions = {}): ObjectStore {
  const now = clock ?? (() => new Date(0));
  const objects: Objects = new Map(like && contents.get(like));
  let sorted: string[] | undefined;
  const of = (key: string) => {
    checkKey(key);
    const found = objects.get(key);
    if (found === undefined) throw notFound(key, url);
    return found;
  };
  const keysFrom = (prefix: string) => {
    checkPrefix(prefix);
    sorted ??= [...objects.keys()].sort();
    return sorted.filter((key) => key.startsWith(prefix));
  };
  const store: ObjectStore = {
    url,
    kind: 's3',
    lock: undefined,
    unwrap: () => store,
    async create(key, body) {
      checkKey(key);
      if (objects.has(key)) throw exists(key);
      const stored = { key, bytes: body.length, modifiedAt: now() };
      sorted = undefined;
      objects.set(key, { bytes: Uint8Array.from(body), stored });
      return stored;
    },
    async read(key, { bytesMax }) {
      const { bytes } = of(key);
      if (bytes.length > bytesMax) throw tooLarge(key, bytes.length, bytesMax);
      return bytes;
    },
    async *get(key, range = {}) {
      const { bytes } = of(key);
      const { offset, end } = rangeInside(key, bytes.length, range);
      yield bytes.subarray(offset, end);
    },
    async head(key) {
      checkKey(key);
      return objects.get(key)?.stored;
    },
    async *list(prefix) {
      yield* keysFrom(prefix).map((key) => of(key).stored);
    },
    async *listPrefixes(prefix) {
      const below = keysFrom(prefix).map((key) => key.slice(prefix.length).split('/'));
      yield* new Set(below.filter(({ length }) => length > 1).map(([folder]) => `${folder}/`));
    },
    async *pendingUploads() {},
    lastWrittenAt: async ({ startedAt }) => startedAt,
    async abortUpload() {},
    now: async () => now(),
    upload: unused,
    async copyFrom(from, key) {
      return store.create(key, await from.read(key, { bytesMax: Number.MAX_SAFE_INTEGER }));
    },
    async delete(keys) {
      for (const key of keys) objects.delete(key);
      sorted = undefined;
    },
    async close() {},
  };
  contents.set(store, objects);
  return store;
}

async function unused(): Promise<never> {
  throw new Error(
    'the memory store does not implement this: no function of the chaos tests uses it',
  );
}
