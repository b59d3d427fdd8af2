import type { Order } from '../backup-set/restore.ts';
import { analyze } from './analyze.ts';
import type { CarriedOut } from './carried-out.ts';
import type { RestoreJob } from './control.ts';
import type { ShipperDeps } from './deps.ts';
import { loadData } from './load-data.ts';
import { postData, preData } from './restore-schema.ts';
import type { VerifiedBytes } from './verified-bytes.ts';
import { verifyObjects } from './verify-objects.ts';

/** Carries one order out. What cannot go on throws; what can be named piece by piece comes back as problems. */
export async function carryOut(
  order: Order,
  job: RestoreJob,
  deps: ShipperDeps,
  kept?: VerifiedBytes,
): Promise<CarriedOut> {
  switch (order.phase) {
    case 'verify':
      return { loaded: [], problems: await verifyObjects(order, job.workers, deps, kept) };
    case 'pre-data':
      await preData(order, job, deps);
      return { loaded: [], problems: [] };
    case 'data':
      return loadData(order, job, deps);
    case 'post-data':
      await postData(order, job, deps);
      return { loaded: [], problems: [] };
    case 'analyze':
      await analyze(order, job, deps);
      return { loaded: [], problems: [] };
  }
}
