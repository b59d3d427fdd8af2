import { hostKeyPrefix, parseKey, setKeysPrefix } from '../../backup-set/base/keys.ts';
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

/** The documents that hold the wrapped keys of a set: its own, and those of hosts. */
export async function storedSetKeys(deps: Deps, timestamp: string): Promise<StoredObject[]> {
  const found = await listKeys(deps, setKeysPrefix(timestamp), ['set-key', 'host-key']);
  return found.filter(({ bytes }) => bytes > 0);
}

/**
 * Keys of an encrypted set that are not stored. Only lists: no function can open a key, and none
 * but a copy needs the right to read one.
 */
export async function missingSetKeys(deps: Deps, set: EncryptedSet): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const timestamp of setsOfKeys(set)) {
    const stored = (await storedSetKeys(deps, timestamp)).map(({ key }) => parseKey(key));
    if (!stored.some((key) => key?.kind === 'set-key'))
      problems.push({
        code: 'key-missing',
        object: setKeysPrefix(timestamp),
        message:
          timestamp === set.timestamp
            ? 'the set is encrypted, and no document with its key is stored'
            : `the set uses packs of set ${timestamp}, and no document with the key of that set is stored`,
      });
    // The keys of hosts of older sets are in the manifests of these.
    if (timestamp !== set.timestamp) continue;
    const hosts = new Set(stored.map((key) => (key?.kind === 'host-key' ? key.keyId : '')));
    for (const keyId of set.encryption?.hostKeys ?? [])
      if (!hosts.has(keyId))
        problems.push({
          code: 'key-missing',
          object: hostKeyPrefix(timestamp, keyId),
          message: 'a host has encrypted files with this key, and no document with it is stored',
        });
  }
  return problems;
}
