import { together } from '../../async/together.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { type BlockArena, blockArena } from '../../database/copy-wire/block-arena.ts';
import { cuttingFor } from '../../database/copy-wire/cutting.ts';
import { attachSnapshot } from '../../database/session/snapshot.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { ShipperDeps } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';
import { collect } from './collect.ts';
import { levelOf } from './level.ts';
import { shipMetadata } from './metadata.ts';
import { type Compression, orderedFrames } from './ordered-frames.ts';
import { packSeries } from './pack-writer.ts';
import { blocksFor, roomLacking } from './row-room.ts';
import { shipRelation, shipTogether } from './ship-relation.ts';

/** A relation that is no larger is asked for together with others: its round trip would take longer than its rows. */
const SMALL_BYTES_MAX = 64 * 1024;
/** As many as make the round trip vanish; the server parses the statement of all before it sends the first row. */
const TOGETHER_MAX = 100;

type ShippedRelation = BackupJob['relations'][number];

/**
 * Ships one segment's share of a set: metadata beside W workers, which take relations from one queue on one snapshot, or,
 * when dispatched, from the programs that come. `noMore` fires when no program will come any more.
 */
export async function backup(
  job: BackupJob,
  noMore: AbortSignal,
  deps: ShipperDeps,
): Promise<void> {
  const pressing = {
    encoder: zstd.createEncoder(cuttingFor(job.frameBytes).blockBytesMax),
    level: levelOf(job.level, job.workers, () => performance.now()),
  };
  if (job.collect) {
    const ship = (signal: AbortSignal) => shipMetadata(job, { ...deps, signal });
    return together(deps.signal, [
      ship,
      (signal) => collect(job, pressing, noMore, { ...deps, signal }),
    ]);
  }
  const queue = [...job.relations];
  const workers = Math.min(job.workers, queue.length);
  // The command line has looked at its own number of workers; an agent has another.
  const lacking = roomLacking(workers, job.frameBytes);
  if (lacking !== undefined)
    throw new StowageError('config/invalid', lacking, { where: { field: 'workers' } });
  const arena = blockArena({
    connections: workers,
    blocks: blocksFor(workers),
    frameBytes: job.frameBytes,
  });
  await together(deps.signal, [
    (signal) => shipMetadata(job, { ...deps, signal }),
    ...Array.from(
      { length: workers },
      (_, index) => (signal: AbortSignal) =>
        work(job, index + 1, queue, arena, pressing, { ...deps, signal }),
    ),
  ]);
}

async function work(
  job: BackupJob,
  worker: number,
  queue: ShippedRelation[],
  arena: BlockArena,
  pressing: Compression,
  deps: ShipperDeps,
): Promise<void> {
  const session = await attachSnapshot(job.target, job.snapshotId, {
    purpose: 'backup',
    applicationName: `stowage backup ${job.timestamp} content ${job.content} worker ${worker}`,
    signal: deps.signal,
    receive: arena,
  });
  const packs = packSeries(job, worker, deps);
  const line = orderedFrames(packs, pressing);
  try {
    for (let next = takeFrom(queue); next.length > 0; next = takeFrom(queue)) {
      deps.signal.throwIfAborted();
      const [only] = next;
      if (only !== undefined && next.length === 1)
        await shipRelation(session, only, { job, line, deps });
      else await shipTogether(session, next, { job, line, deps });
    }
    await line.drain();
    await packs.finish();
    await session.close();
  } catch (error) {
    // Cut at once: a server in the middle of a COPY would go on sending, and keep its locks, until it notices.
    await Promise.all([session.destroy(), packs.abandon(error)]);
    throw error;
  }
}

/** The next relation, or the next small ones; they stand at the end of the queue, biggest first. */
function takeFrom(queue: ShippedRelation[]): ShippedRelation[] {
  const isSmall = ({ bytesEstimated }: ShippedRelation) => bytesEstimated <= SMALL_BYTES_MAX;
  const [first] = queue;
  if (first === undefined || !isSmall(first)) return queue.splice(0, 1);
  return queue.splice(0, TOGETHER_MAX);
}
