import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { LoadRelation, OrderOf } from '../../backup-set/documents/restore.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import { fifoFolder } from '../../database/copy/fifo-programs.ts';
import type { ShipperDeps } from '../deps.ts';
import { feedFifo } from '../fifo/fifo.ts';
import { openFifoFolder, type WaitingProgram } from '../fifo/folder.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { countBytes, rowsOf } from '../read/rows-of.ts';
import { type OrderResult, problemOf } from './order-result.ts';

/** How often we ask whether the coordinator has given up, which is the only way to learn it without a connection to it. */
const ASK_EVERY_MS = 2_000;

/**
 * Hands rows to the programs that the coordinator's COPY starts on this host, each time one comes, until every relation
 * was handed over or the coordinator has ended its own order. What was loaded is the coordinator's to count.
 */
export async function feedData(
  order: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<OrderResult> {
  const waiting = new Map(order.relations.map((relation) => [relation.id, relation]));
  const problems: Problem[] = [];
  if (waiting.size === 0) return { loaded: [], problems };
  const folder = await openFifoFolder(
    fifoFolder(job.fifoBase, job.restore, job.content),
    job.dataDir,
  );
  const over = new AbortController();
  const asking = watchCoordinatorReceipt(order, deps, over);
  const feeding: Promise<void>[] = [];
  try {
    for await (const arrival of folder.programs(AbortSignal.any([deps.signal, over.signal]))) {
      const relation = arrival.direction === 'in' ? waiting.get(arrival.relation) : undefined;
      if (relation === undefined) {
        deps.log.error({ fifo: arrival.path }, 'a program came that no relation waits for');
        await folder.reject(arrival);
        continue;
      }
      waiting.delete(relation.id);
      feeding.push(feed(arrival, relation));
      if (waiting.size === 0) break;
    }
    deps.signal.throwIfAborted();
    await Promise.all(feeding);
    deps.signal.throwIfAborted();
    problems.push(...[...waiting.values()].map((relation) => noProgramCame(order, relation)));
    return { loaded: [], problems };
  } finally {
    clearInterval(asking);
    await Promise.allSettled(feeding);
    await folder.remove();
  }

  async function feed({ path }: WaitingProgram, relation: LoadRelation): Promise<void> {
    try {
      deps.progress.relation = `${relation.schema}.${relation.name}`;
      await feedFifo(
        path,
        countBytes(rowsOf(deps.store, relation.extents, deps), deps.progress),
        deps.signal,
      );
      deps.progress.rows += relation.rows;
    } catch (error) {
      deps.log.error(
        { err: error, relation: `${relation.schema}.${relation.name}` },
        'not handed over',
      );
      problems.push(problemOf(error, order.content, relation));
    }
  }
}

/** The coordinator's receipt is its last word: no program will come any more. */
function watchCoordinatorReceipt(
  { id: restore, phase }: OrderOf<'data'>,
  { store, signal, log }: ShipperDeps,
  over: AbortController,
): NodeJS.Timeout {
  const key = formatKey({ kind: 'restore-receipt', restore, phase, content: COORDINATOR });
  return setInterval(() => {
    store.head(key, { signal }).then(
      (found) => found !== undefined && over.abort(),
      (error: unknown) => {
        // Who may not list is denied what is not there yet.
        if (!isStowageError(error, 'interrupted') && !isStowageError(error, 'storage/denied'))
          log.warn({ err: error }, 'cannot see whether the coordinator is done');
      },
    );
  }, ASK_EVERY_MS);
}

function noProgramCame({ content }: OrderOf<'data'>, { schema, name }: LoadRelation): Problem {
  const relation = `${schema}.${name}`;
  const error = new StowageError('shipper/fifo', `no program came for the rows of ${relation}`, {
    where: { relation },
  });
  return problemOf(error, content, { schema, name });
}
