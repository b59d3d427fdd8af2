import { together } from '../../async/together.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { Relation } from '../../backup-set/documents/plan.ts';
import { fifoFolder } from '../../database/copy/fifo-programs.ts';
import type { ShipperDeps } from '../deps.ts';
import { readFifo } from '../fifo/fifo.ts';
import { openFifoFolder, type WaitingProgram } from '../fifo/folder.ts';
import type { BackupJob } from '../protocol/control.ts';
import { blocksFor } from './block-memory.ts';
import { type Compression, orderedFrames } from './ordered-frames.ts';
import { packSeries } from './pack-series.ts';
import { type BlockBuffers, blockBuffers, rowBlocks } from './row-blocks.ts';
import { shipBlocks } from './ship-relation.ts';

/** After the coordinator's last statement its programs have long ended; a busy host sees their FIFOs late. */
const LATE_MS = 5_000;

/**
 * Ships what programs of the database bring, each relation once, with W workers. What they bring is only what has
 * arrived: whether it is everything, the coordinator's counts say in the seal.
 * @throws StowageError `shipper/fifo` naming a relation that nobody brought.
 */
export async function collect(
  job: BackupJob,
  pressing: Compression,
  noMore: AbortSignal,
  deps: ShipperDeps,
): Promise<void> {
  const waiting = new Map(job.relations.map((relation) => [relation.id, relation]));
  if (waiting.size === 0) return;
  const folder = await openFifoFolder(
    fifoFolder(job.fifoBase, job.timestamp, job.content),
    job.dataDir,
  );
  const over = new AbortController();
  const endSoon = () => setTimeout(() => over.abort(), LATE_MS).unref();
  if (noMore.aborted) endSoon();
  else noMore.addEventListener('abort', endSoon, { once: true });
  const arrived = queueOf<{ arrival: WaitingProgram; relation: Relation }>();
  const buffers = blockBuffers(job.frameBytes, blocksFor(job.workers));
  try {
    await together(deps.signal, [
      async (signal) => {
        try {
          for await (const arrival of folder.programs(AbortSignal.any([signal, over.signal]))) {
            const relation =
              arrival.direction === 'out' ? waiting.get(arrival.relation) : undefined;
            if (relation === undefined) {
              await folder.reject(arrival);
              continue;
            }
            waiting.delete(relation.id);
            arrived.push({ arrival, relation });
            if (waiting.size === 0) return;
          }
        } finally {
          arrived.end();
        }
        signal.throwIfAborted();
        throw rowsMissing(job, [...waiting.values()]);
      },
      ...Array.from({ length: job.workers }, (_, index) => (signal: AbortSignal) => {
        return work(job, index + 1, arrived, { buffers, pressing, deps: { ...deps, signal } });
      }),
    ]);
  } finally {
    await folder.remove();
  }
}

async function work(
  job: BackupJob,
  worker: number,
  arrived: Queue<{ arrival: WaitingProgram; relation: Relation }>,
  { buffers, pressing, deps }: { buffers: BlockBuffers; pressing: Compression; deps: ShipperDeps },
): Promise<void> {
  const packs = packSeries(job, worker, deps);
  const line = orderedFrames(packs, pressing);
  try {
    for (
      let next = await arrived.shift(deps.signal);
      next !== undefined;
      next = await arrived.shift(deps.signal)
    ) {
      const { arrival, relation } = next;
      const chunks = readFifo(arrival.path, deps.signal);
      const blocks = rowBlocks(chunks, job.frameBytes, buffers);
      const { rows, bytes } = await shipBlocks(blocks, relation, { job, line, deps });
      deps.report({ type: 'relation', relation: relation.id, rows, bytes });
    }
    await line.drain();
    await packs.finish();
  } catch (error) {
    await packs.abort(error);
    throw error;
  }
}

function rowsMissing(
  { timestamp, content }: BackupJob,
  missing: readonly Relation[],
): StowageError {
  const [first] = missing;
  const relation = first === undefined ? '' : `${first.schema}.${first.name}`;
  const more = missing.length > 1 ? ` and of ${missing.length - 1} more` : '';
  return new StowageError(
    'shipper/fifo',
    `no program brought the rows of ${relation}${more}; was it killed?`,
    {
      where: { set: timestamp, content, relation },
    },
  );
}

interface Queue<T> {
  push(item: T): void;
  end(): void;
  /** Undefined at the end. */
  shift(signal: AbortSignal): Promise<T | undefined>;
}

/** Items for several takers; each waits until there is one, or there will be none. */
function queueOf<T>(): Queue<T> {
  const items: T[] = [];
  const takers = new Set<() => void>();
  let ended = false;
  const wake = () => {
    for (const taker of takers) taker();
  };
  return {
    push: (item) => {
      items.push(item);
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
    shift: async (signal) => {
      for (;;) {
        signal.throwIfAborted();
        const item = items.shift();
        if (item !== undefined || ended) return item;
        const { promise, resolve } = Promise.withResolvers<void>();
        takers.add(resolve);
        const wake = () => resolve();
        signal.addEventListener('abort', wake, { once: true });
        await promise;
        signal.removeEventListener('abort', wake);
        takers.delete(resolve);
      }
    },
  };
}
