import type { Name } from '../../backup-set/base/document.ts';
import { type FramePlace, frameContext } from './context.ts';
import { seal, sealedPieces, sealing } from './seal.ts';

/** What a shipper needs to encrypt its content of one set. It opens nothing that others wrote. */
export interface Sealing {
  readonly key: Uint8Array;
  /** Of the digests of rows; absent = the extents have none, and no set carries them by content. */
  readonly digestKey?: Uint8Array;
  /** The name of a relation of the plan, which its frames are bound to. */
  readonly nameOf: (relation: number) => Name;
}

/** Pieces of smaller frames cost more than a copy of them. */
const COPIED_BYTES_MAX = 64 * 1024;

/** The stored bytes of a frame: sealed for its place when the set is encrypted. */
export function storedFrame(
  sealer: Sealing | undefined,
  place: FramePlace & { readonly relation: number },
  frame: AsyncIterable<Uint8Array> | Uint8Array,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  const isWhole = frame instanceof Uint8Array;
  if (sealer === undefined) return isWhole ? [frame] : frame;
  const context = frameContext(place, sealer.nameOf(place.relation));
  if (!isWhole) return sealing(sealer.key, context, frame);
  return frame.byteLength > COPIED_BYTES_MAX
    ? sealedPieces(sealer.key, context, frame)
    : [seal(sealer.key, context, frame)];
}
