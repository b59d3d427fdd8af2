import type { PackReceipt } from './receipt.ts';

/**
 * A pack is a plain concatenation of frames: extents must cover it from 0 to its end, in order, without gap or overlap.
 * @returns what is wrong at the first place where they do not.
 */
export function firstGap({
  object,
  extents,
}: Pick<PackReceipt, 'object' | 'extents'>): string | undefined {
  let at = 0;
  for (const { offset, length } of extents) {
    if (offset !== at) return `an extent begins at ${offset}, the one before it ended at ${at}`;
    at += length;
  }
  return at === object.bytes
    ? undefined
    : `extents end at ${at}, the pack has ${object.bytes} bytes`;
}
