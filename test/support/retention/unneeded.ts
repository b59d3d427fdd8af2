import { parseKey } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Stored } from '../../chaos/chaos-store.ts';
import { leftovers } from '../../chaos/lifetimes/retention.ts';

const BYTES_MAX = 64 * 1024 * 1024;

/** All objects of a root, with the bytes of the documents that name others. */
export async function objectsIn(store: ObjectStore): Promise<Map<string, Stored>> {
  const objects = new Map<string, Stored>();
  for await (const { key, modifiedAt } of store.list('')) {
    const kind = parseKey(key)?.kind;
    const isRead = kind === 'manifest' || kind === 'manifest-part';
    const bytes = isRead ? await store.read(key, { bytesMax: BYTES_MAX }) : new Uint8Array();
    objects.set(key, { bytes, modifiedAt });
  }
  return objects;
}

/** Objects below `sets/` that no set with a manifest has or needs. */
export async function unneededObjects(store: ObjectStore): Promise<string[]> {
  return leftovers(await objectsIn(store));
}
