import { openStore } from '../storage/open.ts';
import type { ObjectStore } from '../storage/store.ts';
import { storeSettings } from './config.ts';
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
