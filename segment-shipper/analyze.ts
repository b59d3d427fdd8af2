import type { OrderOf } from '../backup-set/restore.ts';
import { analyzeRelations } from '../database/restore-target.ts';
import { openSession } from '../database/session.ts';
import type { RestoreJob } from './control.ts';
import type { ShipperDeps } from './deps.ts';

/** Gives the planner its statistics, so that the first queries after a restore are not its slowest. */
export async function analyze(
  order: OrderOf<'analyze'>,
  job: RestoreJob,
  { signal }: ShipperDeps,
): Promise<void> {
  const applicationName = `stowage restore ${order.timestamp} content ${order.content} analyze`;
  const session = await openSession(job.target, { purpose: 'restore', applicationName, signal });
  try {
    await analyzeRelations(session, order.relations);
  } finally {
    await session.close();
  }
}
