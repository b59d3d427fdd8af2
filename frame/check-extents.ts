import { crc32 } from 'node:zlib';
import { hex } from './hex.ts';

/** Bytes of an object with one CRC-32: a frame, or the whole object. */
export interface CheckedExtent {
  readonly offset: number;
  readonly length: number;
  readonly crc32: string;
}

/** `crc32` and `bytes` are what was found instead. */
export type ExtentFault =
  | { readonly kind: 'digest-differs'; readonly crc32: string }
  | { readonly kind: 'cut-off'; readonly bytes: number };

export interface ExtentCheck {
  /** Takes the bytes that follow those taken before. */
  feed(chunk: Uint8Array): void;
  /** The object has ended: reports the extents that it does not hold to their end. */
  end(): void;
  /** Offset in the object of the next byte to feed. */
  position(): number;
}

/**
 * Compares the CRC-32 of extents while the bytes of their object pass by; keeps none of the bytes.
 * @param extents in order of offset, without overlap. Bytes between them are skipped.
 * @param onFault called once for each extent that differs, in order, by `feed` or `end`.
 * @param start offset in the object of the first byte that will be fed.
 */
export function checkExtents<Extent extends CheckedExtent>(
  extents: readonly Extent[],
  onFault: (extent: Extent, fault: ExtentFault) => void,
  start = 0,
): ExtentCheck {
  let at = start;
  let index = 0;
  let crc = 0;
  const compare = (extent: Extent) => {
    const found = hex(crc);
    index += 1;
    crc = 0;
    if (found !== extent.crc32) onFault(extent, { kind: 'digest-differs', crc32: found });
  };
  return {
    feed(chunk) {
      const end = at + chunk.byteLength;
      for (
        let extent = extents[index];
        extent !== undefined && extent.offset < end;
        extent = extents[index]
      ) {
        const extentEnd = extent.offset + extent.length;
        const from = Math.max(extent.offset - at, 0);
        crc = crc32(chunk.subarray(from, Math.max(extentEnd - at, from)), crc);
        if (extentEnd > end) break;
        compare(extent);
      }
      at = end;
    },
    end() {
      for (let extent = extents[index]; extent !== undefined; extent = extents[index]) {
        const bytes = Math.max(at - extent.offset, 0);
        if (bytes >= extent.length) {
          compare(extent);
        } else {
          index += 1;
          crc = 0;
          onFault(extent, { kind: 'cut-off', bytes });
        }
      }
    },
    position: () => at,
  };
}
