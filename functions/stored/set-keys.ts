import { setKeysPrefix } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { listKeys } from './load.ts';

/** What of a manifest says which keys the set needs. */
export type EncryptedSet = Pick<Manifest, 'timestamp' | 'needs' | 'encryption'>;

/** The sets whose keys open a set: its own, and those in whose folders its packs lie. */
export function setsOfKeys({ timestamp, needs, encryption }: EncryptedSet): readonly string[] {
  return encryption === undefined ? [] : [timestamp, ...needs];
}

/** The documents that hold the wrapped key of a set, the oldest first. */
export async function storedSetKeys(deps: Deps, timestamp: string): Promise<StoredObject[]> {
  const found = await listKeys(deps, setKeysPrefix(timestamp), ['set-key']);
  return found.filter(({ bytes }) => bytes > 0);
}

/**
 * Keys of an encrypted set that are not stored. Only lists: no function can open a key, and none
 * but a copy needs the right to read one.
 */
export async function missingSetKeys(deps: Deps, set: EncryptedSet): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const timestamp of setsOfKeys(set)) {
    if ((await storedSetKeys(deps, timestamp)).length > 0) continue;
    const object = setKeysPrefix(timestamp);
    const whose =
      timestamp === set.timestamp
        ? 'the set is encrypted, and no document with its key is stored'
        : `the set uses packs of set ${timestamp}, and no document with the key of that set is stored`;
    problems.push({ code: 'key-missing', object, message: whose });
  }
  return problems;
}
