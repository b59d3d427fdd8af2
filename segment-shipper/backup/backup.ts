import { together } from '../../async/together.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { ShippedRelation } from '../../backup-set/documents/agents.ts';
import { readConditions } from '../../database/catalog/extension-tables.ts';
import type { BlockArena } from '../../database/copy-wire/block-arena.ts';
import { cuttingFor } from '../../database/copy-wire/cutting.ts';
import { withLockWatch } from '../../database/lock-watch/watch.ts';
import { nameLostSegment } from '../../database/session/failover/name-lost.ts';
import type { Session } from '../../database/session/session.ts';
import { attachSnapshot } from '../../database/session/snapshot.ts';
import type { Sealing } from '../../frame/seal/sealing.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import { type ShipperDeps, silenceNote } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';
import { shipBinary } from './binary/ship-binary.ts';
import { arenaFor } from './block-memory.ts';
import type { BaseIndex } from './carry/base-index.ts';
import { collect } from './collect.ts';
import { levelOf } from './level.ts';
import { backupWatch, labelOf, serverLockTimeoutMs } from './locks.ts';
import { shipMetadata } from './metadata.ts';
import { type Compression, orderedFrames } from './ordered-frames.ts';
import { extentsPerWorker, packSeries } from './pack-series.ts';
import { type Shipping, shipRelation, shipTogether } from './ship-relation.ts';

/** Smaller relations are requested in groups: the round trip of one takes longer than its rows. */
const SMALL_BYTES_MAX = 64 * 1024;
/** Enough to hide the round trip. The server parses all statements before the first row. */
const TOGETHER_MAX = 100;

/**
 * Ships one segment's part of a set: the metadata, and in parallel the rows. Several workers read
 * relations from one queue on one snapshot; with `collect`, the server's programs bring the rows.
 * A wait for a lock that another program keeps ends the job.
 * @param noMorePrograms fires when no further program will start.
 * @param base frames that need not be stored again.
 */
export async function backup(
  job: BackupJob,
  noMorePrograms: AbortSignal,
  deps: ShipperDeps,
  base?: BaseIndex,
): Promise<void> {
  const queue = [...job.relations];
  // Programs of the server read the rows: their own session is watched by the coordinator.
  const watch = backupWatch(job, job.collect ? [] : queue);
  await withLockWatch(job.target, watch, deps.signal, (signal) =>
    shipAll(job, { queue, base }, noMorePrograms, { ...deps, signal }),
  );
}

async function shipAll(
  job: BackupJob,
  { queue, base }: { readonly queue: ShippedRelation[]; readonly base: BaseIndex | undefined },
  noMorePrograms: AbortSignal,
  deps: ShipperDeps,
): Promise<void> {
  const compression = {
    encoder: zstd.createEncoder(cuttingFor(job.frameBytes).blockBytesMax),
    level: levelOf(job.level, job.workers, () => performance.now()),
    ...digestsOf(deps.sealing),
    ...(base && { base }),
  };
  const ship = (signal: AbortSignal) => shipMetadata(job, { ...deps, signal });
  if (job.collect) {
    return together(deps.signal, [
      ship,
      (signal) => collect(job, compression, noMorePrograms, { ...deps, signal }),
    ]);
  }
  const workers = Math.min(job.workers, queue.length);
  const arena = arenaFor(workers, job.frameBytes);
  await together(deps.signal, [
    ship,
    ...Array.from({ length: workers }, (_, index) => (signal: AbortSignal) => {
      const worker = { number: index + 1, queue, arena, compression };
      return work(job, worker, { ...deps, signal });
    }),
  ]);
}

/** A plain digest would tell whether guessed rows are in an encrypted set. */
export const digestsOf = (sealing: Sealing | undefined): Pick<Compression, 'digestKey'> =>
  sealing === undefined ? {} : { digestKey: sealing.digestKey ?? 'none' };

interface Worker {
  readonly number: number;
  /** The rest is shared by all workers. */
  readonly queue: ShippedRelation[];
  readonly arena: BlockArena;
  readonly compression: Compression;
}

async function work(
  job: BackupJob,
  { number, queue, arena, compression }: Worker,
  deps: ShipperDeps,
): Promise<void> {
  const open = () =>
    attachSnapshot(job.target, job.snapshotId, {
      purpose: 'backup',
      applicationName: `${labelOf(job)} worker ${number}`,
      lockTimeoutMs: serverLockTimeoutMs(job),
      signal: deps.signal,
      onSilence: silenceNote(deps),
      receive: arena,
    });
  let session = await open();
  const packs = packSeries(job, number, deps, extentsPerWorker(job.workers));
  const frames = orderedFrames(packs, compression);
  try {
    const conditioned = await readConditions(session);
    const take = () => takeFrom(queue).map((relation) => conditioned(relation));
    const shipping = { job, frames, deps };
    for (let next = take(); next.length > 0; next = take()) {
      deps.signal.throwIfAborted();
      try {
        await shipInText(session, next, shipping);
      } catch (error) {
        const [failed, ...rest] = next;
        if (failed === undefined || !isStowageError(error, 'database/row-too-long')) throw error;
        queue.unshift(...rest);
        deps.log.warn({ err: error, relation: failed.id }, 'reading the table as COPY BINARY');
        session = await shipBinary(open, failed, shipping, error);
      }
    }
    await frames.drain();
    await packs.finish();
    await session.close();
  } catch (error) {
    // Destroyed, not closed: a server in the middle of a COPY would keep sending, and its locks.
    await Promise.all([session.destroy(), packs.abort(error)]);
    throw await nameLostSegment(error, job.target, deps.signal);
  }
}

/** A relation that is complete, is removed from a list of several. */
async function shipInText(
  session: Session,
  relations: ShippedRelation[],
  shipping: Shipping,
): Promise<void> {
  const [only] = relations;
  if (only !== undefined && relations.length === 1) await shipRelation(session, only, shipping);
  else await shipTogether(session, relations, shipping);
}

/** The next relation, or the next group of small ones. The queue is sorted, largest first. */
function takeFrom(queue: ShippedRelation[]): ShippedRelation[] {
  const isSmall = ({ bytesEstimated, ranges }: ShippedRelation) =>
    bytesEstimated <= SMALL_BYTES_MAX && ranges === undefined;
  const large = queue.slice(0, TOGETHER_MAX).findIndex((relation) => !isSmall(relation));
  return queue.splice(0, large === -1 ? TOGETHER_MAX : Math.max(large, 1));
}
