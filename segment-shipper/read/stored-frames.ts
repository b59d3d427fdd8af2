import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { damaged } from './damage.ts';
import type { Run } from './runs.ts';

/** A frame as it is stored, not yet checked. */
export interface StoredFrame {
  readonly extent: SourceExtent;
  readonly stored: Buffer;
}

/**
 * Reads the frames of a run with one request, each into its own memory.
 * @throws StowageError `set/damaged` for the first frame that is cut off; as `ObjectStore.get`.
 */
export async function* storedFrames(
  store: ObjectStore,
  { key, offset, length, parts }: Run<SourceExtent>,
  signal: AbortSignal,
): AsyncGenerator<StoredFrame> {
  let at = offset;
  let index = 0;
  let stored: Buffer | undefined;
  let filled = 0;
  for await (const chunk of store.get(key, { offset, length, signal })) {
    const end = at + chunk.byteLength;
    for (let extent = parts[index]; extent !== undefined; extent = parts[index]) {
      const from = extent.offset + filled;
      if (from >= end) break;
      stored ??= Buffer.allocUnsafeSlow(extent.length);
      const take = Math.min(end - from, extent.length - filled);
      stored.set(chunk.subarray(from - at, from - at + take), filled);
      filled += take;
      if (filled < extent.length) break;
      yield { extent, stored };
      index += 1;
      stored = undefined;
      filled = 0;
    }
    at = end;
  }
  const missing = parts[index];
  if (missing !== undefined)
    throw damaged('the object ends before this frame', missing.key, missing.offset);
}
