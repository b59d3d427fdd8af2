import type { Order } from '../../backup-set/documents/restore.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import type { VerifiedBytes } from '../read/verified-bytes.ts';
import { verifyObjects } from '../read/verify-objects.ts';
import { analyze } from './analyze.ts';
import type { CarriedOut } from './carried-out.ts';
import { loadData } from './load-data.ts';
import { postData, preData } from './schema.ts';

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
