import type { Name } from '../../backup-set/base/document.ts';
import type { Extent } from '../../backup-set/documents/receipt.ts';
import { fileContext, frameContext } from './context.ts';
import { open, opening } from './open.ts';
import type { SetKeys } from './set-keys.ts';

/** Gives what was sealed: a zstd frame, or a file. @throws StowageError `set/damaged` */
export interface SealOpener {
  whole(stored: Uint8Array): Buffer;
  /** Of a frame that does not fit into memory. */
  long(stored: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/**
 * Opens a frame of a pack, exactly where it lies.
 * @param place the key of the pack, and what an extent says of the frame.
 * @param relation its name in the set.
 * @throws StowageError `encryption/no-key`
 */
export function frameOpener(
  keys: SetKeys,
  place: Pick<Extent, 'offset' | 'rowFormat'> & { readonly key: string },
  relation: Name,
): SealOpener {
  const content = keys.of(place.key);
  const context = frameContext(place, relation);
  return {
    whole: (stored) => open(content, context, stored),
    long: (stored) => opening(content, context, stored),
  };
}

/**
 * Opens a file, which is sealed as a whole: of metadata, or of gpbackup.
 * @param keyId the id of the host's key that seals a file of gpbackup.
 * @throws as `frameOpener`.
 */
export function fileOpener(keys: SetKeys, key: string, keyId?: string): SealOpener {
  const content = keys.of(key, keyId);
  const context = fileContext(key);
  return {
    whole: (stored) => open(content, context, stored),
    long: (stored) => opening(content, context, stored),
  };
}
