import type { Outcome } from '../../backup-set/documents/restore.ts';

/** All rows are loaded and counted; the target only lacks schema objects of the set. */
export function lacksObjectsOnly({ status, problems, problemsTotal, objects }: Outcome): boolean {
  if (status !== 'failed' || objects === undefined) return false;
  const isMissing = problems.every(({ code }) => code === 'schema-object-missing');
  return isMissing && problemsTotal > 0 && problemsTotal <= objects.missing;
}

/**
 * Whether nothing is left to resume. With `truncate` no DDL is run: a resume could not make the
 * objects that the target lacks, and the mark would refuse every later restore.
 */
export function hasNothingToResume(outcome: Outcome, mode: string): boolean {
  return outcome.status === 'restored' || (mode === 'truncate' && lacksObjectsOnly(outcome));
}
