import { SETS } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import type { ObjectStore } from '../../storage/store.ts';

/** The timestamp of every set under a root, oldest first. */
export async function listTimestamps(store: ObjectStore): Promise<string[]> {
  const timestamps: string[] = [];
  for await (const day of store.listPrefixes(SETS)) {
    for await (const folder of store.listPrefixes(`${SETS}${day}`)) {
      const timestamp = folder.slice(0, -1);
      if (Timestamp.safeParse(timestamp).success) timestamps.push(timestamp);
    }
  }
  return timestamps;
}
