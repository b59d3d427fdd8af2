import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { Order } from '../../backup-set/documents/restore/restore.ts';
import { withLockWatch } from '../../database/lock-watch/watch.ts';
import { lockForOrder } from '../../database/target/restore-lock.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { restoreWatch } from './locks.ts';

/**
 * Runs `work` while this order holds its lock on the target's database, if it changes the database.
 * A restore that starts meanwhile is refused, even when the coordinator of this one has died.
 * @throws StowageError `restore/refused` when the coordinator has lost its lock before the order
 * began; `database/unreachable` when the order loses its own lock; `database/locked` when another
 * program keeps a table locked.
 */
export async function withLockedTarget<T>(
  order: Order,
  job: RestoreJob,
  deps: ShipperDeps,
  work: (deps: ShipperDeps) => Promise<T>,
): Promise<T> {
  if (!changesTarget(order)) return work(deps);
  const { phase } = order;
  const session = await lockForOrder(job.target, { restore: job.restore, phase }, deps.signal);
  const lost = new AbortController();
  session.lost.catch((error: unknown) => lost.abort(lockLost(job, error)));
  try {
    const either = AbortSignal.any([deps.signal, lost.signal]);
    const result = await withLockWatch(job.target, restoreWatch(order), either, (signal) =>
      work({ ...deps, signal }),
    );
    lost.signal.throwIfAborted();
    return result;
  } catch (error) {
    // What the aborted work throws does not say why it was aborted.
    lost.signal.throwIfAborted();
    throw error;
  } finally {
    await session.close();
  }
}

function changesTarget(order: Order): boolean {
  return order.phase !== 'verify' && !(order.phase === 'data' && order.role === 'feed');
}

function lockLost({ content, target }: RestoreJob, cause: unknown): StowageError {
  return new StowageError(
    'database/unreachable',
    `the order was stopped because it lost its lock on database ${target.database}, without which another restore could start: ${messageOf(cause)}`,
    { cause, where: { content } },
  );
}
