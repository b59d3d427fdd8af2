import { formatKey, type Key, receiptsPrefix } from '../../backup-set/base/keys.ts';
import type { Deps } from '../deps.ts';

/** A folder without any of them is no set. */
const KINDS_OF_A_SET: ReadonlySet<Key['kind'] | undefined> = new Set([
  'plan',
  'receipt',
  'manifest',
]);

/** Whether this key shows that its folder is a set. */
export function showsASet(key: Key | undefined): boolean {
  return KINDS_OF_A_SET.has(key?.kind);
}

/**
 * Whether a folder that the store lists is a set. MinIO (buckets with versioning) and SeaweedFS
 * list folders without objects: what is left of a deleted set. Costs a request or more, so it is
 * only asked about folders in which no manifest was found.
 */
export async function isSet(
  { store, signal }: Pick<Deps, 'store' | 'signal'>,
  timestamp: string,
): Promise<boolean> {
  for (const kind of ['plan', 'manifest'] as const)
    if ((await store.head(formatKey({ kind, timestamp }), { signal })) !== undefined) return true;
  return hasReceipts({ store, signal }, timestamp);
}

/** For a folder in which neither plan nor manifest was found. */
export async function hasReceipts(
  { store, signal }: Pick<Deps, 'store' | 'signal'>,
  timestamp: string,
): Promise<boolean> {
  for await (const _ of store.list(receiptsPrefix(timestamp), { signal })) return true;
  return false;
}
