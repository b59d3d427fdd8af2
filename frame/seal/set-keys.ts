import { StowageError } from '../../backup-set/base/errors.ts';
import { parseKey } from '../../backup-set/base/keys.ts';

/** The content keys that a program has: those that it needs, and no others. */
export interface SetKeys {
  /**
   * The key of the content and set that a pack or file belongs to.
   * @param keyId of the key of a host, where that has sealed the file.
   * @throws StowageError `encryption/no-key`
   */
  of(object: string, keyId?: string): Buffer;
}

/** A content key as it is passed on, in base64. */
export interface PassedKey {
  readonly timestamp: string;
  readonly content: number;
  readonly key: string;
}

export function setKeysOf(keys: Iterable<PassedKey>): SetKeys {
  const known = new Map<string, Buffer>();
  for (const { timestamp, content, key } of keys)
    known.set(`${timestamp} ${content}`, Buffer.from(key, 'base64'));
  return {
    of(object, keyId) {
      // Shippers read no files of gpbackup.
      if (keyId !== undefined) throw noKey(object);
      const place = parseKey(object);
      const key =
        place !== undefined && 'timestamp' in place && 'content' in place
          ? known.get(`${place.timestamp} ${place.content}`)
          : undefined;
      if (key !== undefined) return key;
      throw noKey(object);
    },
  };
}

export function noKey(object: string): StowageError {
  return new StowageError(
    'encryption/no-key',
    `${object} is encrypted, and this program did not get the key of its content`,
    { where: { object } },
  );
}
