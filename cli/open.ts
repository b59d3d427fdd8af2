import { openStore } from '../storage/open.ts';
import type { ObjectStore } from '../storage/store.ts';
import { replicaSettings, storeSettings } from './config/config.ts';
import type { ClusterContext } from './context.ts';

/** Runs something on a root's store and closes the store whatever happens. */
export async function withStore<T>(
  context: ClusterContext,
  work: (store: ObjectStore) => Promise<T>,
  root?: string,
): Promise<T> {
  const store = await openStore(storeSettings(context.config, root));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** The same with the alternate location beside it, where one is configured. */
export async function withReplica<T>(
  context: ClusterContext,
  work: (store: ObjectStore, replica: ObjectStore | undefined) => Promise<T>,
): Promise<T> {
  return withStore(context, async (store) => {
    const settings = replicaSettings(context.config);
    if (settings === undefined) return work(store, undefined);
    const replica = await openStore(settings);
    try {
      return await work(store, replica);
    } finally {
      await replica.close();
    }
  });
}
