import { type Key, parseKey } from '../../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../../storage/store.ts';

const DOCUMENT_BYTES = 64 * 1024;
const TOTAL_BYTES = 32 * 1024 * 1024;

/**
 * Documents that say what has happened. Not the manifest: the console must notice when it is
 * damaged.
 */
const REMEMBERED: ReadonlySet<Key['kind'] | undefined> = new Set([
  'verdict',
  'lock-record',
  'retention',
  'restore-request',
  'outcome',
  'asked-restore',
  'asked-restore-start',
  'asked-restore-end',
]);

/** A store that remembers small documents of some kinds: a key is never written twice. */
export function rememberSmallReads(store: ObjectStore): ObjectStore {
  const known = new Map<string, Uint8Array>();
  let total = 0;
  return {
    ...store,
    url: store.url,
    async read(key, options) {
      const found = known.get(key);
      if (found !== undefined && found.length <= options.bytesMax) return found;
      const bytes = await store.read(key, options);
      const isSmall = bytes.length <= DOCUMENT_BYTES && REMEMBERED.has(parseKey(key)?.kind);
      if (!isSmall || known.has(key)) return bytes;
      known.set(key, bytes);
      total += bytes.length;
      for (const [oldest, { length }] of known) {
        if (total <= TOTAL_BYTES) break;
        known.delete(oldest);
        total -= length;
      }
      return bytes;
    },
  };
}
