import type { Logger } from 'pino';
import { onAbort } from '../async/abort.ts';
import { StowageError } from '../backup-set/base/errors.ts';
import { setKeysOf } from '../frame/seal/set-keys.ts';
import { markModuleUsed } from '../storage/mark-module-used.ts';
import { openStore } from '../storage/open.ts';
import type { ObjectStore } from '../storage/store.ts';
import { throttledReads } from '../storage/wrapped/throttled-reads.ts';
import { BASE_EXTENTS_MAX } from './backup/carry/base-index.ts';
import { offeredBase } from './backup/carry/offered-base.ts';
import type { Progress, ShipperDeps } from './deps.ts';
import { Job } from './protocol/control.ts';
import { announcedOrders, watchCoordinator } from './protocol/instructions.ts';
import { linesOf, parseLine } from './protocol/ndjson.ts';
import { sealingOf } from './protocol/sealing.ts';
import { withSharedParts } from './protocol/shared-relations.ts';
import { rateLimit } from './rate/throttle.ts';

export interface JobRun {
  /** The job, then the coordinator's instructions, as lines of JSON. */
  readonly input: AsyncIterable<Uint8Array | string>;
  /** Absent = the store of the job, which this function opens and closes. */
  readonly store?: ObjectStore;
  /** Ended by signals, and by this function when the coordinator dies. */
  readonly stop: AbortController;
  readonly progress: Progress;
  readonly report: ShipperDeps['report'];
  readonly log: Logger;
}

/** Reads the job from the input and runs it to its end. */
export async function runJob(run: JobRun): Promise<void> {
  const { input, stop, progress, report, log } = run;
  const lines = linesOf(input);
  const job = await readJob(lines, stop.signal);
  const store = run.store ?? (await openStore(job.store));
  const limit = rateLimit(job.bytesPerSecond);
  const deps: ShipperDeps = {
    store,
    clock: () => new Date(),
    log: log.child({ content: job.content }),
    report,
    progress,
    throttle: limit.throttle,
    signal: stop.signal,
  };
  try {
    if (job.type === 'check') {
      const { checkServer } = await import('./check/check-server.ts');
      const checked = await checkServer(job, stop.signal);
      if (job.describe === true)
        report({ type: 'checked', ...checked, programs: [...checked.programs] });
    } else if (job.type === 'backup') {
      const noMorePrograms = new AbortController();
      const base = job.base && offeredBase(Math.min(job.base.extentsMax, BASE_EXTENTS_MAX));
      void watchCoordinator(lines, stop, noMorePrograms, limit, base);
      markModuleUsed('backup');
      const { backup } = await import('./backup/backup.ts');
      const sealing = job.sealing && sealingOf(job.sealing, job.relations);
      const offered = await base?.whole(stop.signal);
      await backup(job, noMorePrograms.signal, { ...deps, sealing }, offered);
    } else {
      markModuleUsed('restore');
      const { restore } = await import('./restore/restore.ts');
      const reads = throttledReads(store, limit.throttle);
      const keys = job.keys && setKeysOf(job.keys);
      await restore(job, announcedOrders(lines, stop, limit), { ...deps, store: reads, keys });
    }
  } finally {
    if (run.store === undefined) await store.close();
  }
}

async function readJob(lines: AsyncGenerator<string>, signal: AbortSignal): Promise<Job> {
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  // A signal must also end a shipper whose job never arrives.
  using _ = onAbort(signal, () => stopped.reject(signal.reason));
  const first = await Promise.race([lines.next(), stopped.promise]);
  if (first.done === true)
    throw new StowageError('shipper/protocol', 'standard input ended before the job arrived');
  const job = parseLine(first.value, Job);
  return job.type === 'backup' ? { ...job, relations: withSharedParts(job.relations) } : job;
}
