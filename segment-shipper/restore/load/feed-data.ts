import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { LoadRelation, OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import { fifoFolder } from '../../../database/copy/fifo-programs.ts';
import { type ShipperDeps, showUnderWay } from '../../deps.ts';
import { feedFifo } from '../../fifo/fifo.ts';
import { openFifoFolder, type WaitingProgram } from '../../fifo/folder.ts';
import type { RestoreJob } from '../../protocol/control.ts';
import { opensFor } from '../../read/opens.ts';
import { countBytes, rowsOf } from '../../read/rows-of.ts';
import { type OrderResult, problemOf } from '../order-result.ts';

/** The shipper has no connection to the coordinator: only the bucket shows that it has failed. */
const POLL_MS = 2_000;

/**
 * Feeds rows to the programs that the coordinator's COPY starts on this host, until every relation
 * has been fed or the coordinator has ended its own order. The coordinator counts what was loaded.
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
  const polling = watchCoordinatorReceipt(order, deps, over);
  const feeding: Promise<void>[] = [];
  try {
    for await (const program of folder.programs(AbortSignal.any([deps.signal, over.signal]))) {
      const relation = program.direction === 'in' ? waiting.get(program.relation) : undefined;
      if (relation === undefined) {
        deps.log.error({ fifo: program.path }, 'rejected a program: no relation waits for it');
        await folder.reject(program);
        continue;
      }
      waiting.delete(relation.id);
      feeding.push(feed(program, relation));
      if (waiting.size === 0) break;
    }
    deps.signal.throwIfAborted();
    await Promise.all(feeding);
    deps.signal.throwIfAborted();
    // Content -1 keeps relations that are loaded, and skips those that were not made, without a
    // word to us; it reports what it has loaded.
    if (order.resumes === undefined && order.onError === undefined)
      problems.push(...[...waiting.values()].map((relation) => noProgramCame(order, relation)));
    return { loaded: [], problems };
  } finally {
    clearInterval(polling);
    await Promise.allSettled(feeding);
    await folder.remove();
  }

  async function feed({ path }: WaitingProgram, relation: LoadRelation): Promise<void> {
    const name = `${relation.schema}.${relation.name}`;
    using _ = showUnderWay(deps.progress, name);
    try {
      const rows = countBytes(
        rowsOf(deps.store, relation.extents, { ...deps, ...opensFor(deps.keys, relation) }),
        deps.progress,
      );
      await feedFifo(path, rows, deps.signal);
      deps.progress.rows += relation.rows;
    } catch (error) {
      deps.log.error({ err: error, relation: name }, 'cannot feed the rows of the relation');
      problems.push(problemOf(error, order.content, relation));
    }
  }
}

/** Fires `over` when the coordinator's receipt is stored: no program starts after that. */
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
        // Without the right to list, S3 answers 403 for an object that does not exist.
        if (!isStowageError(error, 'interrupted') && !isStowageError(error, 'storage/denied'))
          log.warn({ err: error }, "cannot check for the coordinator's receipt; retrying");
      },
    );
  }, POLL_MS);
}

function noProgramCame({ content }: OrderOf<'data'>, { schema, name }: LoadRelation): Problem {
  const relation = `${schema}.${name}`;
  const message = `the server started no program for the rows of ${relation}, or the program was killed`;
  const error = new StowageError('shipper/fifo', message, { where: { relation } });
  return problemOf(error, content, { schema, name });
}
