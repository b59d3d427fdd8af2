import type { CallOptions, ObjectStore, StoredObject } from '../../storage/store.ts';
import type { Random } from './random.ts';
import type { Scheduler, Task } from './scheduler.ts';

/** A stored object with the simulated time, and the ETag that its writer received. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly modifiedAt: Date;
  readonly etag?: string;
}

/** The store of a simulated world. */
export interface ChaosStore {
  readonly objects: ReadonlyMap<string, Stored>;
  /** Writes as a shipper, coordinator or replication does. False when the key exists. */
  put(key: string, stored: Stored): Promise<boolean>;
  /** The store for one task. Each of its calls is a step of the scheduler. */
  forTask(task: Task): ObjectStore;
}

export interface ChaosStoreOptions {
  readonly inner: ObjectStore;
  /** The URL that tasks see, which may differ from that of `inner`. */
  readonly url: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly now: () => Date;
  /** Called when a task has created or overwritten an object. */
  readonly onWrite: (key: string, bytes: Uint8Array, before: Uint8Array | undefined) => void;
  /** Called when a task has removed objects. */
  readonly onDelete?: (keys: readonly string[]) => void;
}

/** Objects that one step of a removal takes. S3 removes a batch object by object, too. */
const REMOVED_AT_ONCE_MAX = 4;

export function chaosStore({
  inner,
  url,
  scheduler,
  random,
  now,
  onWrite,
  onDelete = () => undefined,
}: ChaosStoreOptions): ChaosStore {
  const objects = new Map<string, Stored>();
  const withTimeAndEtag = (found: StoredObject): StoredObject => {
    const stored = objects.get(found.key);
    const { etag: _, ...rest } = found;
    return {
      ...rest,
      ...(stored?.etag && { etag: stored.etag }),
      modifiedAt: stored?.modifiedAt ?? now(),
    };
  };

  const put: ChaosStore['put'] = async (key, stored) => {
    if (objects.has(key)) return false;
    await inner.create(key, stored.bytes);
    objects.set(key, stored);
    return true;
  };

  async function create(key: string, body: Uint8Array): Promise<StoredObject> {
    const created = await inner.create(key, body);
    const before = objects.get(key)?.bytes;
    objects.set(key, { bytes: body, modifiedAt: now() });
    onWrite(key, body, before);
    return withTimeAndEtag(created);
  }

  /** Lists page by page, as S3 does. A change between two pages may be listed or not. */
  async function* pages<T>(task: Task, list: () => AsyncIterable<T>, nameOf: (item: T) => string) {
    const pageItems = 1 + random.below(4);
    for (let after = ''; ; ) {
      const page = await scheduler.step(task, false, async () => {
        const all = await Array.fromAsync(list());
        return all.filter((item) => nameOf(item) > after).slice(0, pageItems);
      });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageItems) return;
      after = nameOf(last);
    }
  }

  const forTask = (task: Task): ObjectStore => ({
    ...inner,
    url,
    now: async () => now(),
    create: (key, body) => scheduler.step(task, true, () => create(key, body)),
    read: (key, options) => scheduler.step(task, false, () => inner.read(key, options)),
    head: (key) =>
      scheduler.step(task, false, async () => {
        const found = await inner.head(key);
        return found === undefined ? undefined : withTimeAndEtag(found);
      }),
    async delete(keys) {
      const left = [...keys];
      while (left.length > 0) {
        const some = left.splice(0, 1 + random.below(REMOVED_AT_ONCE_MAX));
        await scheduler.step(task, false, async () => {
          await inner.delete(some);
          for (const key of some) objects.delete(key);
          onDelete(some);
        });
      }
    },
    async *get(key, options?: CallOptions & { offset?: number; length?: number }) {
      yield* await scheduler.step(task, false, () => Array.fromAsync(inner.get(key, options)));
    },
    async *list(prefix) {
      for await (const found of pages(
        task,
        () => inner.list(prefix),
        ({ key }) => key,
      ))
        yield withTimeAndEtag(found);
    },
    listPrefixes: (prefix) =>
      pages(
        task,
        () => inner.listPrefixes(prefix),
        (name) => name,
      ),
    async *pendingUploads(prefix) {
      yield* await scheduler.step(task, false, () => Array.fromAsync(inner.pendingUploads(prefix)));
    },
  });

  return { objects, put, forTask };
}
