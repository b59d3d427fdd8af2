import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';

/** What is stored in the folder of one content: `sets/…/data/3/`. */
export type FolderLists = (folder: string) => AsyncIterable<StoredObject>;

/** One page of a listing; a set with more objects is listed content by content. */
const TOGETHER_MAX = 1000;

/**
 * Lists the folders of a set. The folders of all contents are listed by one request where the whole
 * set fits into it.
 * @param objects how many objects the set has.
 */
export function folderLists({ store, signal }: Deps, objects: number): FolderLists {
  if (objects > TOGETHER_MAX) return (folder) => store.list(folder, { signal });
  const listed = new Map<string, Promise<StoredObject[]>>();
  return async function* (folder) {
    // `sets/…/data/3/` → `sets/…/data/`
    const parent = folder.replace(/[^/]+\/$/, '');
    const all = listed.get(parent) ?? Array.fromAsync(store.list(parent, { signal }));
    listed.set(parent, all);
    for (const object of await all) if (object.key.startsWith(folder)) yield object;
  };
}
