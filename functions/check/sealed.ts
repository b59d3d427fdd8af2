import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Extent, ObjectRef } from '../../backup-set/documents/receipt.ts';
import { fileContext, frameContext } from '../../frame/seal/context.ts';
import { open, opening } from '../../frame/seal/open.ts';
import type { SetKeys } from '../../frame/seal/set-keys.ts';

/** Gives the zstd frame in the stored bytes of a sealed one. @throws StowageError `set/damaged` */
export interface FrameOpener {
  whole(stored: Buffer): Buffer;
  long(stored: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/**
 * Opens a frame of a pack, exactly where the extent says that it lies.
 * @param relation its name; a frame of a relation that the manifest does not name opens nowhere.
 */
export function frameOpener(
  keys: SetKeys,
  key: string,
  { offset, rowFormat }: Extent,
  relation: Problem['relation'] = { schema: '', name: '' },
): FrameOpener {
  const content = keys.of(key);
  const context = frameContext({ key, offset, rowFormat }, relation);
  return {
    whole: (stored) => open(content, context, stored),
    long: (stored) => opening(content, context, stored),
  };
}

/** Reads a sealed file to its end. @throws StowageError `set/damaged` */
export async function openFileBytes(
  keys: SetKeys,
  { key, keyId }: Pick<ObjectRef, 'key' | 'keyId'>,
  stored: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const _ of opening(keys.of(key, keyId), fileContext(key), stored));
}
