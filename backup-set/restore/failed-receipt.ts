import { FORMAT_VERSION } from '../base/document.ts';
import { boundedProblems, type Problem } from '../base/verdict.ts';
import type { RestoreReceipt } from '../documents/restore.ts';

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
    ...boundedProblems([problem]),
  };
}
