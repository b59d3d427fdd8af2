import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { OpenSet } from './set-files.ts';

type Keyed = Pick<Manifest, 'timestamp' | 'encryption'>;

/**
 * Opens the sets of an increment, itself first. Each older set must have the key that the proven
 * increment names: a program that can write to the bucket can put a set of its own in its place.
 * @param prove as `provenKeys`.
 * @throws StowageError `set/damaged` naming the manifest of the older set.
 */
export function openingSets(prove: OpenSet): OpenSet {
  let increment: Keyed | undefined;
  return async (manifest) => {
    if (increment !== undefined) requireNamedKey(increment, manifest);
    const keys = await prove(manifest);
    increment ??= manifest;
    return keys;
  };
}

function requireNamedKey({ timestamp, encryption }: Keyed, older: Keyed): void {
  if (encryption === undefined) return;
  const named = encryption.older?.find((one) => one.timestamp === older.timestamp);
  if (named !== undefined && named.keyId === older.encryption?.keyId) return;
  const object = formatKey({ kind: 'manifest', timestamp: older.timestamp });
  throw new StowageError(
    'set/damaged',
    `set ${older.timestamp}: ${object}: it is not the set that the increment ${timestamp} was made from (its key is another one): another program has put it there`,
    { where: { set: older.timestamp, object } },
  );
}
