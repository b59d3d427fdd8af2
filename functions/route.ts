import { formatKey, type Key, parseKey } from '../backup-set/keys.ts';
import { type Deps, type Handled, NOTHING } from './deps.ts';
import { validate } from './on-manifest.ts';
import { stitch } from './on-receipt.ts';
import { onRestoreReceipt } from './on-restore-receipt.ts';
import { onRestoreRequest } from './on-restore-request.ts';
import { onSliceOrder } from './on-slice-order.ts';
import { onSliceReceipt } from './on-slice-receipt.ts';
import { onTaskRequest } from './on-task-request.ts';
import { requestReplication } from './replicate.ts';

/** One function's work on one set or restore. Any number of events mean the same job: look at it again. */
export interface Job {
  readonly work:
    | 'stitch'
    | 'validate'
    | 'plan-restore'
    | 'advance-restore'
    | 'replicate'
    | 'plan-slices'
    | 'do-slice'
    | 'fold-slices';
  /** Timestamp of the set, id of the restore or task; of a slice, `<task>/<number>`. */
  readonly of: string;
}

/** Looks at what a new object means and does it. Keys that mean nothing to any function are no error. */
export async function handle(deps: Deps, key: string): Promise<Handled> {
  const job = jobOf(key);
  if (job !== undefined) return runJob(deps, job);
  deps.log.debug({ key }, 'no function waits for this key');
  return NOTHING;
}

export function jobOf(text: string): Job | undefined {
  const key = parseKey(text);
  return key === undefined ? undefined : jobOfKey(key);
}

/** No function writes a key that leads back to itself: events cannot run in circles. */
function jobOfKey(key: Key): Job | undefined {
  switch (key.kind) {
    case 'receipt':
    case 'seal':
      return { work: 'stitch', of: key.timestamp };
    case 'manifest':
      return { work: 'validate', of: key.timestamp };
    case 'restore-request':
      return { work: 'plan-restore', of: key.restore };
    case 'restore-receipt':
      return { work: 'advance-restore', of: key.restore };
    case 'verdict':
      return key.level === 'validate' ? { work: 'replicate', of: key.timestamp } : undefined;
    case 'task-request':
      return { work: 'plan-slices', of: key.task };
    case 'slice-order':
      return { work: 'do-slice', of: `${key.task}/${key.slice}` };
    case 'slice-receipt':
      return { work: 'fold-slices', of: key.task };
    case 'plan':
    case 'dispatched':
    case 'seal-part':
    case 'manifest-part':
    case 'backup-order':
    case 'backup-claim':
    case 'backup-report':
    case 'metadata':
    case 'pack':
    case 'task-plan':
    case 'task-outcome':
    case 'restore-plan':
    case 'order':
    case 'order-claim':
    case 'outcome':
      return undefined;
  }
}

export async function runJob(deps: Deps, { work, of }: Job): Promise<Handled> {
  switch (work) {
    case 'stitch':
      return stitch(deps, of);
    case 'validate':
      return validateIfCommitted(deps, of);
    case 'plan-restore':
      return onRestoreRequest(deps, of);
    case 'advance-restore':
      return onRestoreReceipt(deps, of);
    case 'replicate':
      return requestReplication(deps, of);
    case 'plan-slices':
      return onTaskRequest(deps, of);
    case 'do-slice': {
      const [task = '', slice = ''] = of.split('/');
      return onSliceOrder(deps, task, Number(slice));
    }
    case 'fold-slices':
      return onSliceReceipt(deps, of);
  }
}

/** An event may come for a set that was deleted meanwhile: nothing to do, no error. */
async function validateIfCommitted(deps: Deps, timestamp: string): Promise<Handled> {
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }));
  return manifest === undefined ? NOTHING : validate(deps, timestamp);
}
