import type { ShownRoot } from '../../functions/serve/console/console.ts';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Config } from '../config/schema.ts';

/** The roots that the console shows. `await using` closes the stores that were opened for it. */
export interface ConsoleRoots extends AsyncDisposable {
  /** Undefined without `console` in the configuration. */
  readonly shown: readonly ShownRoot[] | undefined;
}

/** The root of this configuration, then `console.roots`. Contacts no server. */
export async function openConsoleRoots(
  { console, cluster, storage, stallSeconds }: Config,
  own: ObjectStore,
): Promise<ConsoleRoots> {
  const opened: ShownRoot[] = [];
  const close = async () => {
    await Promise.all(opened.map(({ store }) => store.close()));
  };
  try {
    for (const given of console?.roots ?? []) {
      const { root, name, ...server } = typeof given === 'string' ? { root: given } : given;
      const store = await openStore({ root, s3: { ...storage, ...server }, stallSeconds });
      const isElsewhere = server.endpoint !== undefined && server.endpoint !== storage.endpoint;
      const endpoint = isElsewhere ? server.endpoint : undefined;
      opened.push({ name: name ?? root, store, endpoint });
    }
  } catch (error) {
    await close();
    throw error;
  }
  const shown = console && [{ name: cluster, store: own }, ...opened];
  return { shown, [Symbol.asyncDispose]: close };
}
