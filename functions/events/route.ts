import { type Key, parseKey } from '../../backup-set/base/keys.ts';
import type { Deps, JobResult } from '../deps.ts';
import { advanceRestore } from '../handlers/advance-restore.ts';
import { advanceTask } from '../handlers/advance-task.ts';
import { extendRetention } from '../handlers/extend-retention.ts';
import { planRestore } from '../handlers/plan-restore.ts';
import { planTask } from '../handlers/plan-task.ts';
import { requestReplication } from '../handlers/request-replication.ts';
import { runSlice } from '../handlers/run-slice.ts';
import { stitch } from '../handlers/stitch.ts';
import { validateIfCommitted } from '../handlers/validate.ts';

/** The work of one function on one set, restore or task. Any number of events mean one job. */
export interface Job {
  readonly work:
    | 'stitch'
    | 'validate'
    | 'extend-retention'
    | 'plan-restore'
    | 'advance-restore'
    | 'request-replication'
    | 'plan-task'
    | 'run-slice'
    | 'advance-task';
  /** Timestamp of the set, id of the restore or task; of a slice, `<task>/<number>`. */
  readonly of: string;
}

/** The jobs that a new object starts. */
export function jobsOf(text: string): readonly Job[] {
  const key = parseKey(text);
  return key === undefined ? [] : jobsOfKey(key);
}

/** No function writes a key that starts the same function again, so events cannot loop. */
function jobsOfKey(key: Key): readonly Job[] {
  switch (key.kind) {
    case 'receipt':
    case 'seal':
      return [{ work: 'stitch', of: key.timestamp }];
    case 'manifest':
      return [
        { work: 'validate', of: key.timestamp },
        { work: 'extend-retention', of: key.timestamp },
      ];
    case 'restore-request':
      return [{ work: 'plan-restore', of: key.restore }];
    case 'restore-receipt':
    case 'restore-counts':
      return [{ work: 'advance-restore', of: key.restore }];
    case 'verdict':
      return key.level === 'validate' ? [{ work: 'request-replication', of: key.timestamp }] : [];
    case 'task-request':
      return [{ work: 'plan-task', of: key.task }];
    case 'slice-order':
      return [{ work: 'run-slice', of: `${key.task}/${key.slice}` }];
    case 'slice-receipt':
      return [{ work: 'advance-task', of: key.task }];
    case 'plan':
    case 'dispatched':
    case 'base-part':
    case 'witnesses':
    case 'seal-part':
    case 'manifest-part':
    case 'backup-order':
    case 'backup-claim':
    case 'backup-report':
    case 'needs':
    case 'retention':
    case 'expiry':
    case 'schedule-run':
    case 'schedule-order':
    case 'heartbeat':
    case 'lease':
    case 'export':
    case 'announcement-channel':
    case 'announcement':
    case 'metadata':
    case 'pack':
    case 'file':
    case 'task-plan':
    case 'task-outcome':
    case 'restore-plan':
    case 'order':
    case 'order-claim':
    case 'outcome':
    case 'restore-keys':
    case 'signed-restore':
    case 'lock-record':
    case 'set-key':
    case 'asked-restore':
    case 'asked-restore-start':
    case 'asked-restore-end':
    case 'host-key':
      return [];
  }
}

export async function runJob(deps: Deps, { work, of }: Job): Promise<JobResult> {
  switch (work) {
    case 'stitch':
      return stitch(deps, of);
    case 'validate':
      return validateIfCommitted(deps, of);
    case 'extend-retention':
      return extendRetention(deps, of);
    case 'plan-restore':
      return planRestore(deps, of);
    case 'advance-restore':
      return advanceRestore(deps, of);
    case 'request-replication':
      return requestReplication(deps, of);
    case 'plan-task':
      return planTask(deps, of);
    case 'run-slice': {
      const [task = '', slice = ''] = of.split('/');
      return runSlice(deps, task, Number(slice));
    }
    case 'advance-task':
      return advanceTask(deps, of);
  }
}
