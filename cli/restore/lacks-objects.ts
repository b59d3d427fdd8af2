import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Outcome, RestoreRequest } from '../../backup-set/documents/restore.ts';

/** All rows are loaded and counted; the target only lacks schema objects of the set. */
export function lacksObjectsOnly({ status, problems, problemsTotal, objects }: Outcome): boolean {
  if (status !== 'failed' || objects === undefined) return false;
  const isMissing = problems.every(({ code }) => code === 'schema-object-missing');
  return isMissing && problemsTotal > 0 && problemsTotal <= objects.missing;
}

/** What a resume of the restore tries again. */
const RESUMABLE: ReadonlySet<string> = new Set<Problem['code']>([
  'object-not-made',
  'view-not-refreshed',
  'relation-not-loaded',
]);

/** Whether a resume could make some of what the restore left out. */
export function canMakeMore({ leftOut = [] }: Pick<Outcome, 'leftOut'>): boolean {
  return leftOut.some(({ code }) => RESUMABLE.has(code));
}

/**
 * Whether nothing is left to resume. With `truncate` no DDL is run: a resume could not make the
 * objects that the target lacks, and the mark would refuse every later restore.
 */
export function hasNothingToResume(
  outcome: Outcome,
  { mode, allowMissing }: Pick<RestoreRequest, 'mode' | 'allowMissing'>,
): boolean {
  if (outcome.status === 'restored') return allowMissing === true || !canMakeMore(outcome);
  return mode === 'truncate' && lacksObjectsOnly(outcome);
}
