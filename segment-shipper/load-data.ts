import { StowageError } from '../backup-set/errors.ts';
import type { LoadRelation, OrderOf, RestoreReceipt } from '../backup-set/restore.ts';
import type { Problem } from '../backup-set/verdict.ts';
import { copyIn } from '../database/copy-in.ts';
import { feedProgram, fifoFolder, SEGMENT } from '../database/fifo-programs.ts';
import { copyFromPrograms } from '../database/on-segment.ts';
import { suspendTriggers } from '../database/restore-target.ts';
import { restoreLargeObjects } from '../database/restore-tools.ts';
import { openSession, type Session } from '../database/session.ts';
import type { CarriedOut } from './carried-out.ts';
import type { RestoreJob } from './control.ts';
import type { ShipperDeps } from './deps.ts';
import { countedRows, feedData } from './feed-data.ts';
import { problemOf } from './problem.ts';
import { withArchive } from './restore-schema.ts';

/**
 * Loads all relations of an order over several connections, one transaction per relation. A relation that fails rolls back and is
 * named; the others are still loaded, so that the receipt tells everything that is wrong.
 */
export async function loadData(
  order: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<CarriedOut> {
  if (order.role === 'feed') return feedData(order, job, deps);
  const queue = order.relations.toSorted((a, b) => b.bytes - a.bytes);
  const loaded: RestoreReceipt['relations'] = [];
  const problems: Problem[] = [];
  const workers = Math.min(job.workers, queue.length);
  await Promise.all(Array.from({ length: workers }, (_, index) => work(index + 1)));
  const { largeObjects } = order;
  if (largeObjects !== undefined && problems.length === 0) {
    await withArchive(largeObjects, deps, (file) =>
      restoreLargeObjects(job.target, file, { signal: deps.signal }),
    );
  }
  return { loaded, problems };

  async function work(worker: number): Promise<void> {
    for (let relation = queue.shift(); relation !== undefined; relation = queue.shift()) {
      deps.signal.throwIfAborted();
      try {
        const rows = await loadAlone(relation, worker);
        loaded.push({ schema: relation.schema, name: relation.name, rows });
      } catch (error) {
        deps.log.error({ err: error, relation: `${relation.schema}.${relation.name}` }, 'not loaded');
        problems.push(problemOf(error, order.content, relation));
      }
    }
  }

  /** A connection of its own per relation: one that failed is in no state to be used again. */
  async function loadAlone(relation: LoadRelation, worker: number): Promise<number> {
    const applicationName = `stowage restore ${order.timestamp} content ${order.content} worker ${worker}`;
    const session = await openSession(job.target, {
      purpose: 'restore',
      applicationName,
      signal: deps.signal,
    });
    try {
      const rows = await loadRelation(session, relation, order, job, deps);
      await session.close();
      return rows;
    } catch (error) {
      await session.destroy();
      throw error;
    }
  }
}

/** One relation, one transaction; committed only when the server counted what the manifest says. */
async function loadRelation(
  session: Session,
  relation: LoadRelation,
  { encoding }: OrderOf<'data'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<number> {
  const { progress, signal } = deps;
  progress.relation = `${relation.schema}.${relation.name}`;
  await suspendTriggers(session);
  await session.query('BEGIN');
  const program = feedProgram(fifoFolder(job.fifoBase, job.restore, SEGMENT), relation.id);
  const rows =
    relation.onSegment === true
      ? await copyFromPrograms(session, relation, program, { signal, encoding })
      : await copyIn(session, relation, countedRows(relation, deps), { signal, encoding });
  if (rows !== relation.rows) {
    const name = `${relation.schema}.${relation.name}`;
    throw new StowageError(
      'database/count',
      `${name}: the server counted ${rows} rows, the manifest says ${relation.rows}`,
      {
        where: { relation: name },
      },
    );
  }
  await session.query('COMMIT');
  // On segments those who hand the rows over have counted them.
  if (relation.onSegment !== true) progress.rows += rows;
  return rows;
}
