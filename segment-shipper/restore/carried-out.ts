import type { Problem } from '../../backup-set/base/verdict.ts';
import type { RestoreReceipt } from '../../backup-set/documents/restore.ts';

/** What came of an order: without problems it is done. */
export interface CarriedOut {
  readonly loaded: RestoreReceipt['relations'];
  readonly problems: readonly Problem[];
}
