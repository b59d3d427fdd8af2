import { promisify } from 'node:util';
import { crc32, zstdDecompress } from 'node:zlib';
import { StowageError } from '../backup-set/errors.ts';
import type { StoredAs } from '../backup-set/receipt.ts';
import type { SourceExtent } from '../backup-set/restore.ts';
import { decodeFrame, decodeFrameStream } from '../storage/frames.ts';
import type { ObjectStore } from '../storage/store.ts';
import { hex } from './pack-writer.ts';

/** Frames up to this many decompressed bytes are decoded in memory; longer ones are read twice. */
const FRAME_IN_MEMORY_BYTES = 16 * 1024 * 1024;
/** Extents that lie together are fetched by one request of at most this many bytes. */
const RANGE_BYTES_MAX = 64 * 1024 * 1024;
/** As metadata.ts bounds it when writing. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;

const decompress = promisify(zstdDecompress);

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Called with the stored bytes of each frame read. */
  readonly onStored?: (bytes: number) => void;
}

/**
 * The rows of these extents, frame by frame. No byte of a frame is handed on before the whole frame was read and found as the
 * manifest says: CRC-32 of the stored bytes, zstd's own checksum, decompressed length.
 * @throws StowageError `set/damaged` naming object and offset.
 */
export async function* rowsOf(
  store: ObjectStore,
  extents: readonly SourceExtent[],
  options: FetchOptions,
): AsyncGenerator<Uint8Array> {
  for (const run of runsOf(extents)) {
    const [first] = run;
    if (first === undefined) continue;
    if (first.bytes > FRAME_IN_MEMORY_BYTES) {
      yield* longFrame(store, first, options);
      continue;
    }
    const length = run.reduce((sum, extent) => sum + extent.length, 0);
    const frames = cut(store.get(first.key, { offset: first.offset, length, signal: options.signal }), run);
    // One frame ahead: the next is read and decoded while the database takes this one.
    let ahead: Promise<Buffer> | undefined;
    for await (const { extent, stored } of frames) {
      if (ahead !== undefined) yield await ahead;
      options.onStored?.(stored.byteLength);
      ahead = decodeChecked(stored, extent);
      ahead.catch(() => undefined);
    }
    if (ahead !== undefined) yield await ahead;
  }
}

/** Groups extents that follow each other in one object into single reads; a frame too long for memory stands alone. */
export function runsOf(extents: readonly SourceExtent[]): SourceExtent[][] {
  const runs: SourceExtent[][] = [];
  let bytes = 0;
  for (const extent of extents) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const follows =
      last !== undefined && last.key === extent.key && last.offset + last.length === extent.offset;
    const fits =
      bytes + extent.length <= RANGE_BYTES_MAX &&
      Math.max(extent.bytes, last?.bytes ?? 0) <= FRAME_IN_MEMORY_BYTES;
    if (run !== undefined && follows && fits) {
      run.push(extent);
      bytes += extent.length;
    } else {
      runs.push([extent]);
      bytes = extent.length;
    }
  }
  return runs;
}

/**
 * A compressed text of the metadata, whole, as the manifest says it was.
 * @throws StowageError `set/damaged`, also for one that grows past all that was ever written.
 */
export async function readText(
  store: ObjectStore,
  { key, bytes, crc32: wanted }: StoredAs,
  { signal }: FetchOptions,
): Promise<Buffer> {
  // Nothing grows by being compressed, but for a few bytes per block.
  if (bytes > 2 * TEXT_BYTES_MAX) throw damaged(`no text has ${bytes} bytes`, key, 0);
  const compressed = Buffer.from(await store.read(key, { bytesMax: bytes, signal }));
  requireCrc(crc32(compressed), wanted, key, 0);
  try {
    return await decompress(compressed, { maxOutputLength: TEXT_BYTES_MAX });
  } catch (cause) {
    throw damaged('the text cannot be decompressed', key, 0, cause);
  }
}

/** Throws when the stored bytes are not the ones the manifest describes. */
export function requireCrc(found: number, wanted: string, object: string, offset: number): void {
  if (hex(found) === wanted) return;
  throw damaged(`stored bytes have CRC-32 ${hex(found)}, the manifest says ${wanted}`, object, offset);
}

export function damaged(message: string, object: string, offset: number, cause?: unknown): StowageError {
  return new StowageError('set/damaged', `${object} at byte ${offset}: ${message}`, {
    cause,
    where: { object, offset },
  });
}

async function* cut(source: AsyncIterable<Uint8Array>, run: readonly SourceExtent[]) {
  let index = 0;
  let frame: Buffer | undefined;
  let filled = 0;
  for await (const chunk of source) {
    let at = 0;
    while (at < chunk.byteLength) {
      const extent = run[index];
      if (extent === undefined) throw damaged('more bytes came than were asked for', run[0]?.key ?? '', 0);
      frame ??= Buffer.allocUnsafe(extent.length);
      const take = Math.min(chunk.byteLength - at, extent.length - filled);
      frame.set(chunk.subarray(at, at + take), filled);
      at += take;
      filled += take;
      if (filled < extent.length) continue;
      yield { extent, stored: frame };
      index++;
      frame = undefined;
      filled = 0;
    }
  }
  const missing = run[index];
  if (missing !== undefined) throw damaged('the object ends before this frame', missing.key, missing.offset);
}

async function decodeChecked(stored: Buffer, extent: SourceExtent): Promise<Buffer> {
  requireCrc(crc32(stored), extent.crc32, extent.key, extent.offset);
  try {
    return await decodeFrame(stored, extent.bytes);
  } catch (cause) {
    throw damaged('the frame cannot be decompressed', extent.key, extent.offset, cause);
  }
}

/** Reads the frame once to check it and once to use it, so that memory does not depend on the longest row. */
async function* longFrame(
  store: ObjectStore,
  extent: SourceExtent,
  { signal, onStored }: FetchOptions,
): AsyncGenerator<Uint8Array> {
  const read = () => store.get(extent.key, { offset: extent.offset, length: extent.length, signal });
  let crc = 0;
  const checked = async function* () {
    for await (const chunk of read()) {
      crc = crc32(chunk, crc);
      yield chunk;
    }
  };
  try {
    for await (const _ of decodeFrameStream(checked(), extent.bytes));
  } catch (cause) {
    throw damaged('the frame cannot be decompressed', extent.key, extent.offset, cause);
  }
  requireCrc(crc, extent.crc32, extent.key, extent.offset);
  onStored?.(extent.length);
  yield* decodeFrameStream(read(), extent.bytes);
}
