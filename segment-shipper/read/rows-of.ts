import { crc32 } from 'node:zlib';
import { ahead } from '../../async/ahead.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import { release } from '../../frame/release.ts';
import { UNSEALED } from '../../frame/seal/open.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Progress } from '../deps.ts';
import { damaged, requireCrc } from './damage.ts';
import { type Opens, openFrame, openLongFrame } from './opens.ts';
import { type Run, runsOf } from './runs.ts';
import { type StoredFrame, storedFrames } from './stored-frames.ts';

/** Frames of more decompressed bytes are not decoded in memory but read twice. */
const FRAME_IN_MEMORY_BYTES = 16 * 1024 * 1024;
/** Neighbouring frames are fetched by one request of at most this many bytes. */
const REQUEST_BYTES_MAX = 64 * 1024 * 1024;
/** Per connection: a few frames, decompressed while the database takes the one before. */
const AHEAD_BYTES_MAX = 14 * 1024 * 1024;

export interface RowsOptions {
  readonly signal: AbortSignal;
  /** Of an encrypted set; the extents are then all of one relation. */
  readonly opens?: Opens | undefined;
}

/**
 * The rows of these extents, frame by frame. No byte of a frame is yielded before the whole frame
 * has been read and matches the manifest: CRC-32 of the stored bytes, zstd's own checksum,
 * decompressed length. The memory of a chunk is freed when the next one is requested.
 * @throws StowageError `set/damaged` naming object and offset.
 */
export function rowsOf(
  store: ObjectStore,
  extents: readonly SourceExtent[],
  options: RowsOptions,
): AsyncGenerator<Uint8Array> {
  return rowsOfRuns(store, frameRuns(extents), options);
}

/**
 * Groups the extents into requests, in their order, each for at most `rowBytesMax` bytes of rows. A
 * frame that is too long for memory has its own request.
 */
export function frameRuns(
  extents: readonly SourceExtent[],
  rowBytesMax = Number.POSITIVE_INFINITY,
): Run<SourceExtent>[] {
  return runsOf(extents, {
    lengthMax: REQUEST_BYTES_MAX,
    sizeMax: rowBytesMax,
    sizeOf: ({ bytes }) => bytes,
    isAlone: isLong,
  });
}

/** As `rowsOf`. The next run is requested while the rows of the one before are still consumed. */
export async function* rowsOfRuns(
  store: ObjectStore,
  runs: Iterable<Run<SourceExtent>>,
  options: RowsOptions,
): AsyncGenerator<Uint8Array> {
  const frames = ahead((signal) => decoding(store, runs, { ...options, signal }), {
    bytesMax: AHEAD_BYTES_MAX,
    bytesOf: ({ bytes }) => bytes,
    signal: options.signal,
  });
  for await (const { extent, rows } of frames) {
    if (rows === undefined) yield* longFrame(store, extent, options);
    else yield* yieldThenRelease(await rows);
  }
}

/** Releases the memory of the rows when the consumer requests the next chunk. */
function* yieldThenRelease(rows: Buffer): Generator<Uint8Array> {
  yield rows;
  release(rows);
}

/** As `rowsOf`, for frames in memory. A frame is decoded while the one before is consumed. */
export async function* rowsOfFrames(
  frames: readonly StoredFrame[],
  opens?: Opens,
): AsyncGenerator<Uint8Array> {
  let before: Promise<Buffer> | undefined;
  for (const frame of frames) {
    const rows = decodeChecked(frame, opens);
    rows.catch(() => undefined);
    if (before !== undefined) yield* yieldThenRelease(await before);
    before = rows;
  }
  if (before !== undefined) yield* yieldThenRelease(await before);
}

/** Adds the bytes that pass to the progress. */
export async function* countBytes(
  rows: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  for await (const some of rows) {
    progress.bytes += some.byteLength;
    yield some;
  }
}

/** A frame that is being decoded; `rows` is undefined for a frame that is too long for memory. */
interface Decoding {
  readonly extent: SourceExtent;
  readonly rows: Promise<Buffer> | undefined;
  readonly bytes: number;
}

async function* decoding(
  store: ObjectStore,
  runs: Iterable<Run<SourceExtent>>,
  { signal, opens }: RowsOptions,
): AsyncGenerator<Decoding> {
  for (const run of runs) {
    const [first] = run.parts;
    if (first !== undefined && isLong(first)) {
      yield { extent: first, rows: undefined, bytes: 0 };
      continue;
    }
    for await (const frame of storedFrames(store, run, signal)) {
      const rows = decodeChecked(frame, opens);
      // The consumer awaits it later; until then it must not be an unhandled rejection.
      rows.catch(() => undefined);
      yield { extent: frame.extent, rows, bytes: frame.extent.bytes + frame.extent.length };
    }
  }
}

/** The rows of one stored frame. @throws StowageError `set/damaged`. */
async function decodeChecked({ stored, extent }: StoredFrame, opens?: Opens): Promise<Buffer> {
  requireCrc(crc32(stored), extent.crc32, extent.key, extent.offset);
  try {
    const frame = openFrame(opens, extent, stored);
    const rows = await zstd.decode(frame, extent.bytes);
    release(frame);
    if (frame !== stored) release(stored);
    return rows;
  } catch (cause) {
    throw undecodable(cause, extent);
  }
}

/**
 * Reads the frame twice, first to check it and then to use it, so that memory does not depend on
 * the longest row. The second read is checked too, because the object may have been replaced. If
 * so, the rows yielded until then are never committed.
 */
async function* longFrame(
  store: ObjectStore,
  extent: SourceExtent,
  { signal, opens }: RowsOptions,
): AsyncGenerator<Uint8Array> {
  const { key, offset, length, bytes } = extent;
  const checked = async function* () {
    let crc = 0;
    for await (const chunk of store.get(key, { offset, length, signal })) {
      crc = crc32(chunk, crc);
      yield chunk;
    }
    requireCrc(crc, extent.crc32, key, offset);
  };
  const rows = async function* () {
    try {
      yield* zstd.decodeLong(openLongFrame(opens, extent, checked()), bytes);
    } catch (cause) {
      // Failures of the store and a wrong digest already name the object.
      if (!isStowageError(cause, 'set/damaged') || cause.where.object !== undefined) throw cause;
      throw undecodable(cause, extent);
    }
  };
  for await (const _ of rows());
  yield* rows();
}

/** The length counts too: compression adds at most a few bytes per block to real rows. */
export function isLong({ bytes, length }: SourceExtent): boolean {
  return Math.max(bytes, length / 2) > FRAME_IN_MEMORY_BYTES;
}

/** The frame by place, and why. A missing key is no damage. */
function undecodable(cause: unknown, { key, offset }: SourceExtent): unknown {
  if (isStowageError(cause, 'encryption/no-key')) return cause;
  const isSealed = messageOf(cause).startsWith(UNSEALED);
  const what = isSealed ? messageOf(cause) : 'the frame cannot be decompressed';
  return damaged(what, key, offset, cause);
}
