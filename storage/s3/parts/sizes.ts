const MIB = 1024 * 1024;

/** S3 takes no more parts than this; some other servers take 1,000, which the first step alone still fills with 8 GiB. */
export const PARTS_MAX = 10_000;
export const PART_BYTES_DEFAULT = 8 * MIB;

/** Parts double after this many, so that small objects need little memory and big ones few parts. */
const PARTS_PER_STEP = 1_000;
/** Each upload holds a few parts in memory: growing further would buy size with memory a shipper has not got. */
const GROWN_PART_BYTES_MAX = 64 * MIB;

/**
 * How large part `number` (from 1) of an upload of unknown length is, when the first has `firstBytes`; undefined past
 * the last part. Without growth, 10,000 parts of 8 MiB would end at 78 GiB; with it, at 492 GiB.
 */
export function partBytesAt(number: number, firstBytes: number): number | undefined {
  if (number > PARTS_MAX) return undefined;
  const step = Math.floor((number - 1) / PARTS_PER_STEP);
  return Math.max(firstBytes, Math.min(firstBytes * 2 ** step, GROWN_PART_BYTES_MAX));
}

/** The largest object an upload of unknown length can make. */
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

/** Cuts an object of known size into parts of `partBytes`, or of as much as is needed to stay within 10,000 parts. */
export function cutIntoParts(bytes: number, partBytes: number): PartRange[] {
  const each = Math.max(partBytes, Math.ceil(bytes / PARTS_MAX));
  return Array.from({ length: Math.ceil(bytes / each) }, (_, index) => {
    const offset = index * each;
    return { number: index + 1, offset, bytes: Math.min(each, bytes - offset) };
  });
}
