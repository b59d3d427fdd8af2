import type { OrderOf } from '../../backup-set/documents/restore.ts';
import { analyzeRelations } from '../../database/target/refresh.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { inSession } from './in-session.ts';

/** Gives the planner its statistics, so that the first queries after a restore are not its slowest. */
export async function analyze(
  order: OrderOf<'analyze'>,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  await inSession(order, job, deps, (session) => analyzeRelations(session, order.relations));
}
