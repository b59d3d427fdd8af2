import type { RestoreReceipt } from '../backup-set/restore.ts';
import type { Problem } from '../backup-set/verdict.ts';

/** What came of an order: without problems it is done. */
export interface CarriedOut {
  readonly loaded: RestoreReceipt['relations'];
  readonly problems: readonly Problem[];
}
