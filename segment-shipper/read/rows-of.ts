import { crc32 } from 'node:zlib';
import { ahead } from '../../async/ahead.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { SourceExtent } from '../../backup-set/documents/restore.ts';
import { release } from '../../frame/release.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Progress } from '../deps.ts';
import { damaged, requireCrc } from './fetch.ts';
import { type Run, runsOf } from './runs.ts';
import { type StoredFrame, storedFrames } from './stored-frames.ts';

/** Frames up to this many decompressed bytes are decoded in memory; longer ones are read twice. */
const FRAME_IN_MEMORY_BYTES = 16 * 1024 * 1024;
/** Frames that lie together are fetched by one request of at most this many bytes. */
const REQUEST_BYTES_MAX = 64 * 1024 * 1024;
/** Per connection: a few frames that are decompressed while the database takes one; four connections hold four times this. */
const AHEAD_BYTES_MAX = 14 * 1024 * 1024;

/**
 * The rows of these extents, frame by frame. No byte of a frame is handed on before the whole frame was read and found as the
 * manifest says: CRC-32 of the stored bytes, zstd's own checksum, decompressed length. What it gives is gone when the next is asked
 * for.
 * @throws StowageError `set/damaged` naming object and offset.
 */
export function rowsOf(
  store: ObjectStore,
  extents: readonly SourceExtent[],
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  return rowsOfRuns(store, frameRuns(extents), signal);
}

/** Requests for these extents, in their order, each for at most so many bytes of rows; a frame too long for memory stands alone. */
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

/** As `rowsOf`. The next run is asked for while the rows of the one before are still being taken. */
export async function* rowsOfRuns(
  store: ObjectStore,
  runs: Iterable<Run<SourceExtent>>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const frames = ahead((either) => decoding(store, runs, either), {
    bytesMax: AHEAD_BYTES_MAX,
    bytesOf: ({ bytes }) => bytes,
    signal,
  });
  for await (const { extent, rows } of frames) {
    if (rows === undefined) yield* longFrame(store, extent, signal);
    else yield* handedOut(await rows);
  }
}

/** Rows for one who does not need them any more when he asks for the next. */
function* handedOut(rows: Buffer): Generator<Uint8Array> {
  yield rows;
  release(rows);
}

/** As `rowsOf`, of frames that are in memory; one is decoded while the one before is taken. */
export async function* rowsOfFrames(frames: readonly StoredFrame[]): AsyncGenerator<Uint8Array> {
  let before: Promise<Buffer> | undefined;
  for (const frame of frames) {
    const rows = decodeChecked(frame);
    rows.catch(() => undefined);
    if (before !== undefined) yield* handedOut(await before);
    before = rows;
  }
  if (before !== undefined) yield* handedOut(await before);
}

/** Rows, counted into the progress as they go. */
export async function* counted(
  rows: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  for await (const some of rows) {
    progress.bytes += some.byteLength;
    yield some;
  }
}

/** A frame on its way through the decoder, or one too long for that. */
interface Decoding {
  readonly extent: SourceExtent;
  readonly rows: Promise<Buffer> | undefined;
  readonly bytes: number;
}

async function* decoding(
  store: ObjectStore,
  runs: Iterable<Run<SourceExtent>>,
  signal: AbortSignal,
): AsyncGenerator<Decoding> {
  for (const run of runs) {
    const [first] = run.parts;
    if (first !== undefined && isLong(first)) {
      yield { extent: first, rows: undefined, bytes: 0 };
      continue;
    }
    for await (const frame of storedFrames(store, run, signal)) {
      const rows = decodeChecked(frame);
      // Whoever takes it sees the failure; until then it must not count as unhandled.
      rows.catch(() => undefined);
      yield { extent: frame.extent, rows, bytes: frame.extent.bytes + frame.extent.length };
    }
  }
}

/** The rows of one stored frame. @throws StowageError `set/damaged`. */
async function decodeChecked({ stored, extent }: StoredFrame): Promise<Buffer> {
  requireCrc(crc32(stored), extent.crc32, extent.key, extent.offset);
  try {
    const rows = await zstd.decode(stored, extent.bytes);
    release(stored);
    return rows;
  } catch (cause) {
    throw damaged('the frame cannot be decompressed', extent.key, extent.offset, cause);
  }
}

/**
 * Reads the frame once to check it and once to use it, so that memory does not depend on the longest row. It is checked
 * both times: what lies there may be another, intact frame by then. Rows that were given before that shows are not committed.
 */
async function* longFrame(
  store: ObjectStore,
  extent: SourceExtent,
  signal: AbortSignal,
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
      yield* zstd.decodeLong(checked(), bytes);
    } catch (cause) {
      // A store that fails, or a wrong digest, says itself what and where.
      if (!isStowageError(cause, 'set/damaged') || cause.where.object !== undefined) throw cause;
      throw damaged('the frame cannot be decompressed', key, offset, cause);
    }
  };
  for await (const _ of rows());
  yield* rows();
}

/** Nothing grows by being compressed, but for a few bytes per block: what is said to is not held in memory either. */
export function isLong({ bytes, length }: SourceExtent): boolean {
  return Math.max(bytes, length / 2) > FRAME_IN_MEMORY_BYTES;
}
