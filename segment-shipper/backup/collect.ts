import { onAbort } from '../../async/abort.ts';
import { together } from '../../async/together.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ShippedRelation } from '../../backup-set/documents/agents.ts';
import { fifoFolder } from '../../database/copy/fifo-programs.ts';
import type { BlockArena } from '../../database/copy-wire/block-arena.ts';
import type { ShipperDeps } from '../deps.ts';
import { readFifo } from '../fifo/fifo.ts';
import { openFifoFolder, type WaitingProgram } from '../fifo/folder.ts';
import type { BackupJob } from '../protocol/control.ts';
import { arenaFor } from './block-memory.ts';
import { type Compression, orderedFrames } from './ordered-frames.ts';
import { extentsPerWorker, packSeries } from './pack-series.ts';
import { rowBlocks } from './row-blocks.ts';
import { shipBlocks } from './ship-relation.ts';

/** After the coordinator's last statement all programs have started; a busy host sees them late. */
const LATE_MS = 5_000;

interface Collected {
  readonly program: WaitingProgram;
  readonly relation: ShippedRelation;
}

/**
 * Ships the rows that programs of the database bring, each relation once, with several workers. It
 * cannot know whether a program brought all rows: the coordinator's counts in the seal decide that.
 * @throws StowageError `shipper/fifo` naming a relation for which no program came.
 */
export async function collect(
  job: BackupJob,
  compression: Compression,
  noMorePrograms: AbortSignal,
  deps: ShipperDeps,
): Promise<void> {
  const waiting = new Map(job.relations.map((relation) => [relation.id, relation]));
  if (waiting.size === 0) return;
  const folder = await openFifoFolder(
    fifoFolder(job.fifoBase, job.timestamp, job.content),
    job.dataDir,
  );
  const over = new AbortController();
  using _ = onAbort(noMorePrograms, () => void setTimeout(() => over.abort(), LATE_MS).unref());
  const queue = queueOf<Collected>();
  const arena = arenaFor(job.workers, job.frameBytes);
  try {
    await together(deps.signal, [
      async (signal) => {
        try {
          for await (const program of folder.programs(AbortSignal.any([signal, over.signal]))) {
            const relation =
              program.direction === 'out' ? waiting.get(program.relation) : undefined;
            if (relation === undefined) {
              await folder.reject(program);
              continue;
            }
            waiting.delete(relation.id);
            queue.push({ program, relation });
            if (waiting.size === 0) return;
          }
        } finally {
          queue.end();
        }
        signal.throwIfAborted();
        throw rowsMissing(job, [...waiting.values()]);
      },
      ...Array.from({ length: job.workers }, (_, index) => (signal: AbortSignal) => {
        const shared = { arena, compression, deps: { ...deps, signal } };
        return work(job, index + 1, queue, shared);
      }),
    ]);
  } finally {
    await folder.remove();
  }
}

interface Shared {
  readonly arena: BlockArena;
  readonly compression: Compression;
  readonly deps: ShipperDeps;
}

async function work(
  job: BackupJob,
  worker: number,
  queue: Queue<Collected>,
  { arena, compression, deps }: Shared,
): Promise<void> {
  const packs = packSeries(job, worker, deps, extentsPerWorker(job.workers));
  const frames = orderedFrames(packs, compression);
  try {
    for (
      let next = await queue.shift(deps.signal);
      next !== undefined;
      next = await queue.shift(deps.signal)
    ) {
      const { program, relation } = next;
      const chunks = readFifo(program.path, deps.signal);
      const blocks = rowBlocks(chunks, arena);
      const { rows, bytes } = await shipBlocks(blocks, relation, { job, frames, deps });
      deps.report({ type: 'relation', relation: relation.id, rows, bytes });
    }
    await frames.drain();
    await packs.finish();
  } catch (error) {
    await packs.abort(error);
    throw error;
  }
}

function rowsMissing(
  { timestamp, content }: BackupJob,
  missing: readonly ShippedRelation[],
): StowageError {
  const [first] = missing;
  const relation = first === undefined ? '' : `${first.schema}.${first.name}`;
  const more = missing.length > 1 ? ` and of ${plural(missing.length - 1, 'other table')}` : '';
  return new StowageError(
    'shipper/fifo',
    `the server started no program for the rows of ${relation}${more}, or the program was killed`,
    { where: { set: timestamp, content, relation } },
  );
}

interface Queue<T> {
  push(item: T): void;
  end(): void;
  /** Undefined at the end. */
  shift(signal: AbortSignal): Promise<T | undefined>;
}

/** A queue for several takers. A taker waits while the queue is empty and has not ended. */
function queueOf<T>(): Queue<T> {
  const items: T[] = [];
  const takers = new Set<() => void>();
  let ended = false;
  const wakeAll = () => {
    for (const taker of takers) taker();
  };
  return {
    push: (item) => {
      items.push(item);
      wakeAll();
    },
    end: () => {
      ended = true;
      wakeAll();
    },
    shift: async (signal) => {
      for (;;) {
        signal.throwIfAborted();
        const item = items.shift();
        if (item !== undefined || ended) return item;
        const { promise, resolve } = Promise.withResolvers<void>();
        takers.add(resolve);
        using _ = onAbort(signal, () => resolve());
        await promise;
        takers.delete(resolve);
      }
    },
  };
}
