import { parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Piece } from './runs.ts';

/**
 * The bytes that the verify phase of a small restore has read, kept until they are loaded, so that
 * nothing is read twice. Larger restores keep nothing. The bytes are checked again when they are
 * used.
 */
export interface VerifiedBytes {
  hasRoomFor(bytes: number): boolean;
  /** Keeps a piece; `isWhole` when it is the object from its first to its last byte. */
  keep(piece: Piece, bytes: Buffer, isWhole: boolean): void;
  /** A store that serves kept bytes from memory, and all others from `store`. */
  servedFrom(store: ObjectStore): ObjectStore;
  /** Frees kept packs: rows are needed once, metadata until the end. */
  forgetRows(): void;
}

/** Per shipper, for all objects together. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;

interface Kept extends Piece {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

export function verifiedBytes(): VerifiedBytes {
  let kept: Kept[] = [];
  let held = 0;
  const find = (key: string, offset: number, length: number | undefined): Buffer | undefined => {
    const found = kept.find(
      (piece) =>
        piece.key === key &&
        piece.offset <= offset &&
        (length === undefined ? piece.isWhole : offset + length <= piece.offset + piece.length),
    );
    if (found === undefined) return undefined;
    const from = offset - found.offset;
    return found.bytes.subarray(from, length === undefined ? undefined : from + length);
  };
  return {
    hasRoomFor: (bytes) => held + bytes <= KEPT_BYTES_MAX,
    keep({ key, offset, length }, bytes, isWhole) {
      kept.push({ key, offset, length, bytes, isWhole });
      held += length;
    },
    servedFrom: (store) => ({
      ...store,
      async *get(key, options = {}) {
        const found = find(key, options.offset ?? 0, options.length);
        if (found === undefined) yield* store.get(key, options);
        else if (found.byteLength > 0) yield found;
      },
      async read(key, options) {
        const found = find(key, 0, undefined);
        return found !== undefined && found.byteLength <= options.bytesMax
          ? found
          : store.read(key, options);
      },
    }),
    forgetRows() {
      kept = kept.filter(({ key }) => parseKey(key)?.kind !== 'pack');
      held = kept.reduce((sum, { length }) => sum + length, 0);
    },
  };
}
