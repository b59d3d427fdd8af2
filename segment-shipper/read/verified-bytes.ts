import { parseKey } from '../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Piece } from './runs.ts';

/**
 * What a small restore has verified, kept until it is loaded: "verify before the first DDL statement" would otherwise read
 * everything twice. Larger restores keep nothing. Whoever uses the bytes checks them again all the same.
 */
export interface VerifiedBytes {
  hasRoomFor(bytes: number): boolean;
  /** Keeps a piece; `isWhole` when it is the object from its first to its last byte. */
  keep(piece: Piece, bytes: Buffer, isWhole: boolean): void;
  /** The store, read only where nothing is kept. */
  servedFrom(store: ObjectStore): ObjectStore;
  /** Rows are needed once, the metadata until the end. */
  forgetRows(): void;
}

/** In all, per shipper. */
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
      (one) =>
        one.key === key &&
        one.offset <= offset &&
        (length === undefined ? one.isWhole : offset + length <= one.offset + one.length),
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
