import type { Relation } from '../backup-set/plan.ts';
import { type BlockArena, blockArena } from '../database/copy-wire/block-arena.ts';
import { attachSnapshot } from '../database/snapshot-session.ts';
import { collect } from './collect.ts';
import type { BackupJob } from './control.ts';
import { type ShipperDeps, together } from './deps.ts';
import { shipMetadata } from './metadata.ts';
import { packSeries } from './pack-writer.ts';
import { shipRelation } from './ship-relation.ts';

/**
 * Ships one segment's share of a set: metadata beside W workers, which take relations from one queue on one snapshot, or,
 * when dispatched, from the programs that come. `noMore` fires when no program will come any more.
 */
export async function backup(job: BackupJob, noMore: AbortSignal, deps: ShipperDeps): Promise<void> {
  if (job.collect) {
    const ship = (signal: AbortSignal) => shipMetadata(job, { ...deps, signal });
    return together(deps.signal, [ship, (signal) => collect(job, noMore, { ...deps, signal })]);
  }
  const queue = [...job.relations];
  const workers = Math.min(job.workers, queue.length);
  // Of each worker one block is filled and one is compressed.
  const arena = blockArena({ connections: workers, blocks: 2 * workers + 1, frameBytes: job.frameBytes });
  await together(deps.signal, [
    (signal) => shipMetadata(job, { ...deps, signal }),
    ...Array.from(
      { length: workers },
      (_, index) => (signal: AbortSignal) => work(job, index + 1, queue, arena, { ...deps, signal }),
    ),
  ]);
}

async function work(
  job: BackupJob,
  worker: number,
  queue: Relation[],
  receive: BlockArena,
  deps: ShipperDeps,
): Promise<void> {
  const session = await attachSnapshot(job.target, job.snapshotId, {
    purpose: 'backup',
    applicationName: `stowage backup ${job.timestamp} content ${job.content} worker ${worker}`,
    receive,
    signal: deps.signal,
  });
  const packs = packSeries(job, worker, deps);
  try {
    for (let relation = queue.shift(); relation !== undefined; relation = queue.shift()) {
      deps.signal.throwIfAborted();
      await shipRelation(session, relation, { job, packs, deps });
    }
    await packs.finish();
    await session.close();
  } catch (error) {
    // Cut at once: a server in the middle of a COPY would go on sending, and keep its locks, until it notices.
    await Promise.all([session.destroy(), packs.abandon(error)]);
    throw error;
  }
}
