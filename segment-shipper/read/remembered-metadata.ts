import { parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { rememberedObjects } from '../../storage/wrapped/remembered-objects.ts';

/** Most archives of a schema are smaller; a larger one is read again by each phase. */
export const ARCHIVE_KEPT_BYTES_MAX = 32 * 1024 * 1024;

/** The same store, whose archives are read once. For the phases of one restore. */
export function rememberedMetadata(store: ObjectStore): ObjectStore {
  const isWanted = (key: string) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'metadata' && parsed.file === 'schema.dump';
  };
  return rememberedObjects(store, { isWanted, bytesMax: ARCHIVE_KEPT_BYTES_MAX });
}
