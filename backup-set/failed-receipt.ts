import { FORMAT_VERSION } from './documents.ts';
import type { RestoreReceipt } from './restore.ts';
import { bounded, type Problem } from './verdict.ts';

/** The receipt of an order that whoever had it could not, or can no longer, answer for. */
export function failedReceipt(
  of: Pick<RestoreReceipt, 'id' | 'phase' | 'content'>,
  problem: Problem,
  startedAt: Date,
  finishedAt: Date,
): RestoreReceipt {
  return {
    format: 'stowage/restore-receipt',
    version: FORMAT_VERSION,
    id: of.id,
    phase: of.phase,
    content: of.content,
    status: 'failed',
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    storedBytes: 0,
    relations: [],
    ...bounded([problem]),
  };
}
