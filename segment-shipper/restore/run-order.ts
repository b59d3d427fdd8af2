import type { Order, OrderOf } from '../../backup-set/documents/restore/restore.ts';
import type { Session } from '../../database/session/session.ts';
import { tableFacts } from '../../database/target/facts.ts';
import { analyzeRelations } from '../../database/target/refresh.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import type { VerifiedBytes } from '../read/verified-bytes.ts';
import { verifyObjects } from '../read/verify-objects.ts';
import { inSession } from './in-session.ts';
import { loadData } from './load/load-data.ts';
import type { OrderResult } from './order-result.ts';
import { postData } from './schema/post-data.ts';
import { preData } from './schema/pre-data.ts';
import { withPrograms } from './schema/programs.ts';
import { countDone } from './schema/progress/object-progress.ts';

const NOTHING: OrderResult = { loaded: [], problems: [] };

/**
 * Runs one order. A failure that concerns one relation or object becomes a problem of the result.
 * @throws any other failure: it ends the order.
 */
export async function runOrder(
  order: Order,
  given: RestoreJob,
  deps: ShipperDeps,
  kept?: VerifiedBytes,
): Promise<OrderResult> {
  const job = await withPrograms(order, given, deps);
  switch (order.phase) {
    case 'verify':
      return { loaded: [], problems: await verifyObjects(order, job.workers, deps, kept) };
    case 'pre-data':
      return { ...NOTHING, ...(await preData(order, job, deps)) };
    case 'data':
      return loadData(order, job, deps);
    case 'post-data':
      return { ...NOTHING, ...(await postData(order, job, deps)) };
    case 'analyze':
      // Without statistics, the first queries after a restore would get bad plans.
      await inSession(order, job, deps, async (session) => {
        const { relations, onError } = order;
        const made = onError === undefined ? relations : await existingOf(session, relations);
        await analyzeRelations(session, made, countDone(deps.progress, made.length));
      });
      break;
  }
  return NOTHING;
}

async function existingOf(session: Session, relations: OrderOf<'analyze'>['relations']) {
  const states = await tableFacts(session, relations);
  return relations.filter((_, at) => states.has(at));
}
