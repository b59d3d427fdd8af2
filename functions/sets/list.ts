import { SETS } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import type { CallOptions, ObjectStore } from '../../storage/store.ts';

/** The timestamp of every set under a root, oldest first. */
export async function listTimestamps(store: ObjectStore, options?: CallOptions): Promise<string[]> {
  const timestamps: string[] = [];
  for await (const day of store.listPrefixes(SETS, options)) {
    for await (const folder of store.listPrefixes(`${SETS}${day}`, options)) {
      const timestamp = folder.slice(0, -1);
      if (Timestamp.safeParse(timestamp).success) timestamps.push(timestamp);
    }
  }
  return timestamps;
}
