const MIB = 1024 * 1024;

/** The limit of S3. Some other servers allow 1,000 parts: 8 GiB, all of the first size. */
export const PARTS_MAX = 10_000;
export const PART_BYTES_DEFAULT = 8 * MIB;

/** Parts double after this many: small objects need little memory, and large ones few parts. */
const PARTS_PER_STEP = 1_000;
/** Each upload holds a few parts in memory; larger parts would need more than a shipper has. */
const GROWN_PART_BYTES_MAX = 64 * MIB;

/**
 * The size of part `number` (from 1) of an upload of unknown length, when the first part has
 * `firstBytes`; undefined after the last part. 10,000 parts of 8 MiB hold 492 GiB; without growth
 * they would hold 78 GiB.
 */
export function partBytesAt(number: number, firstBytes: number): number | undefined {
  if (number > PARTS_MAX) return undefined;
  const step = Math.floor((number - 1) / PARTS_PER_STEP);
  return Math.max(firstBytes, Math.min(firstBytes * 2 ** step, GROWN_PART_BYTES_MAX));
}

/** The size of the largest object that an upload of unknown length can make. */
export function uploadBytesMax(firstBytes: number): number {
  let bytes = 0;
  for (let number = 1; number <= PARTS_MAX; number += PARTS_PER_STEP) {
    bytes += (partBytesAt(number, firstBytes) ?? 0) * PARTS_PER_STEP;
  }
  return bytes;
}

export interface PartRange {
  readonly number: number;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Cuts an object of known size into parts of `partBytes`, or larger ones to stay within 10,000
 * parts.
 */
export function cutIntoParts(bytes: number, partBytes: number): PartRange[] {
  const each = Math.max(partBytes, Math.ceil(bytes / PARTS_MAX));
  return Array.from({ length: Math.ceil(bytes / each) }, (_, index) => {
    const offset = index * each;
    return { number: index + 1, offset, bytes: Math.min(each, bytes - offset) };
  });
}
