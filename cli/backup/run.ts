import type { Plan } from '../../backup-set/documents/plan.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import type { Draft } from './documents/plan.ts';
import type { BackupKeys } from './keys/backup-keys.ts';
import type { Tally } from './tally.ts';

/** One backup from its stored plan to its seal: what its steps share. */
export interface BackupRun {
  readonly context: ClusterContext;
  readonly store: ObjectStore;
  readonly plan: Plan;
  readonly draft: Draft;
  readonly held: HeldSnapshot;
  readonly tally: Tally;
  /** Absent = the set is not encrypted. */
  readonly keys?: BackupKeys | undefined;
}
