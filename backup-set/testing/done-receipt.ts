import { FORMAT_VERSION } from '../base/document.ts';
import type { RestoreReceipt } from '../documents/restore/restore.ts';

const AT = '2026-02-01T00:00:00.000Z';

/** The receipt of an order that was carried out, with the loaded tables. */
export function doneReceipt(
  of: Pick<RestoreReceipt, 'id' | 'phase' | 'content'>,
  relations: RestoreReceipt['relations'],
): RestoreReceipt {
  return {
    format: 'stowage/restore-receipt',
    version: FORMAT_VERSION,
    ...of,
    status: 'done',
    startedAt: AT,
    finishedAt: AT,
    storedBytes: 0,
    relations,
    problemsTotal: 0,
    problems: [],
  };
}
