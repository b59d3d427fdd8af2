import type { Problem } from '../../backup-set/base/verdict.ts';
import type { Outcome, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';

/** All rows are loaded and counted; the target only lacks schema objects of the set. */
export function lacksObjectsOnly({ status, problems, problemsTotal, objects }: Outcome): boolean {
  if (status !== 'failed' || objects === undefined) return false;
  const isMissing = problems.every(({ code }) => code === 'schema-object-missing');
  return isMissing && problemsTotal > 0 && problemsTotal <= objects.missing;
}

/** Whether a request gives other names. */
interface Renaming {
  readonly into?: RestoreRequest['into'] | undefined;
}

/** What a resume of the restore tries again. */
const RESUMABLE: ReadonlySet<string> = new Set<Problem['code']>([
  'object-not-made',
  'view-not-refreshed',
  'relation-not-loaded',
]);

/**
 * Whether a resume tries again what this problem left out. Post-data under other names is one
 * transaction, which a resume does not repeat; it sets the properties of the database again.
 */
export function resumeMakes({ code, schemaObject }: Problem, { into }: Renaming): boolean {
  if (code === 'object-not-made' && into !== undefined)
    return schemaObject?.kind === 'DATABASE PROPERTIES';
  return RESUMABLE.has(code);
}

/** Whether a resume could make some of what the restore left out. */
export function canMakeMore(
  { leftOut = [] }: Pick<Outcome, 'leftOut'>,
  request: Renaming,
): boolean {
  return leftOut.some((problem) => resumeMakes(problem, request));
}

/**
 * Whether nothing is left to resume. With `truncate` no DDL is run: a resume could not make the
 * objects that the target lacks, and the mark would refuse every later restore.
 */
export function hasNothingToResume(
  outcome: Outcome,
  { mode, allowMissing, into }: Pick<RestoreRequest, 'mode' | 'allowMissing'> & Renaming,
): boolean {
  if (outcome.status === 'restored')
    return allowMissing === true || !canMakeMore(outcome, { into });
  return mode === 'truncate' && lacksObjectsOnly(outcome);
}
