import { openStore } from '../storage/open.ts';
import type { ObjectStore } from '../storage/store.ts';
import { replicaSettings, storeSettings } from './config/config.ts';
import type { ClusterContext } from './context.ts';

/** Runs `work` on the store of a root, and closes the store also after a failure. */
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

/** As `withStore`, with the store of the alternate location where one is configured. */
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
