import { ahead } from '../../../async/ahead.ts';
import type { LoadRelation, SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { frameRuns, isLong } from '../../read/rows-of.ts';
import { type StoredFrame, storedFrames } from '../../read/stored-frames.ts';
import { hasBinary } from './copy-extents.ts';

/** Undefined frames: to read them together with their neighbours failed. */
export interface FetchedRelation {
  readonly relation: LoadRelation;
  readonly frames: readonly StoredFrame[] | undefined;
}

/** Stored bytes of the relations fetched together; as many again may wait to be loaded. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Bytes of rows of one relation that may be in memory at once. */
const ROW_BYTES_MAX = 16 * 1024 * 1024;

/** Whether a relation is fetched as a whole, together with its neighbours in the packs. */
export function isSmall({ extents }: LoadRelation): boolean {
  const sum = (field: 'bytes' | 'length') =>
    extents.reduce((total, extent) => total + extent[field], 0);
  const isAlone = hasBinary({ extents }) || extents.some(isLong);
  return sum('bytes') <= ROW_BYTES_MAX && sum('length') <= BATCH_BYTES && !isAlone;
}

/**
 * Fetches small relations before they are needed, in their order in the packs: the frames of
 * thousands of tables are neighbours there, and one request reads all of them. Several workers may
 * take from the generator at once.
 */
export function fetchTogether(
  relations: readonly LoadRelation[],
  store: ObjectStore,
  signal: AbortSignal,
): AsyncGenerator<FetchedRelation> {
  return ahead((either) => fetchAll(relations, store, either), {
    bytesMax: BATCH_BYTES,
    bytesOf: ({ frames = [] }) => frames.reduce((sum, { stored }) => sum + stored.byteLength, 0),
    signal,
  });
}

async function* fetchAll(
  relations: readonly LoadRelation[],
  store: ObjectStore,
  signal: AbortSignal,
): AsyncGenerator<FetchedRelation> {
  for (const batch of batchesOf(relations)) yield* fetchBatch(batch, store, signal);
}

async function* fetchBatch(
  batch: readonly LoadRelation[],
  store: ObjectStore,
  signal: AbortSignal,
): AsyncGenerator<FetchedRelation> {
  const fetched = batch.map((relation) => ({ relation, frames: [] as StoredFrame[] }));
  const owners = new Map(
    fetched.flatMap((one) => one.relation.extents.map((extent) => [extent, one])),
  );
  const isWhole = ({ relation, frames }: (typeof fetched)[number]) =>
    frames.length === relation.extents.length;
  yield* fetched.filter(isWhole);
  for (const run of frameRuns([...owners.keys()].sort(byPlace))) {
    try {
      for await (const frame of storedFrames(store, run, signal)) {
        const owner = owners.get(frame.extent);
        owner?.frames.push(frame);
        if (owner !== undefined && isWhole(owner)) yield owner;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      // Each relation is then read by itself, which shows whose frame cannot be read.
    }
  }
  for (const one of fetched) if (!isWhole(one)) yield { relation: one.relation, frames: undefined };
}

function* batchesOf(relations: readonly LoadRelation[]): Iterable<readonly LoadRelation[]> {
  let batch: LoadRelation[] = [];
  let bytes = 0;
  const placed = relations.map((relation) => ({
    relation,
    first: relation.extents.toSorted(byPlace)[0],
  }));
  for (const { relation } of placed.sort((a, b) => byPlace(a.first, b.first))) {
    const length = relation.extents.reduce((sum, extent) => sum + extent.length, 0);
    if (bytes + length > BATCH_BYTES && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(relation);
    bytes += length;
  }
  if (batch.length > 0) yield batch;
}

/** Relations without extents come first. */
function byPlace(a: SourceExtent | undefined, b: SourceExtent | undefined): number {
  if (a === undefined || b === undefined)
    return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1);
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.offset - b.offset;
}
