import { asStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import type { DrillFacts } from '../../backup-set/base/verdict/drill-facts.ts';
import { causedBy, type Problem } from '../../backup-set/base/verdict.ts';
import type { Outcome } from '../../backup-set/documents/restore/restore.ts';
import type { Finding } from '../../functions/stored/write-verdict.ts';

/** How the restore of a drill went. */
export type Restored =
  | { readonly ok: true; readonly outcome: Outcome }
  /** It ended before it had an outcome. */
  | { readonly ok: false; readonly error: unknown };

/** Errors that say nothing about the set or the restore: no verdict is written. */
const OUTSIDE = /^(?:usage|config|storage|serve)\/|^interrupted$|^set\/(?:not-found|expired)$/;

/** Whether a failure is a finding of the drill. Otherwise the command fails with it. */
export function isFinding(error: unknown): boolean {
  return !OUTSIDE.test(asStowageError(error).code);
}

/**
 * What a drill found. A key, trigger or view that needs a table outside of a sample is expected to
 * be missing.
 */
export function findingOf(
  restored: Restored,
  compared: readonly Problem[],
  facts: DrillFacts,
  checked: Finding['checked'],
): Finding {
  const found = restored.ok ? problemsOf(restored.outcome, facts) : [failedBy(restored.error)];
  const problems = [...found, ...compared];
  return {
    status: problems.length === 0 ? 'complete' : 'incomplete',
    checked,
    problems,
    problemsTotal: problems.length,
    drill: facts,
  };
}

/** What a sample leaves out because it is a sample. */
export function isExpected({ code }: Problem, scope: DrillFacts['scope']): boolean {
  return code === 'need-missing' && scope !== 'all';
}

function problemsOf(outcome: Outcome, { scope }: DrillFacts): Problem[] {
  const { status, problems, leftOut = [] } = outcome;
  const found = [...problems, ...leftOut.filter((one) => !isExpected(one, scope))];
  if (status === 'restored' || found.length > 0) return found;
  return [{ code: 'drill-failed', message: `the restore was ${status} without a reason` }];
}

function failedBy(error: unknown): Problem {
  const failure: StowageError = asStowageError(error);
  return { code: 'drill-failed', ...causedBy(failure, 'the restore could not begin: ') };
}

/**
 * The time of a restore of the whole set, by bytes. The fixed cost of a restore (a connection, the
 * archive of the schema) counts as if it grew with the bytes, so a small sample gives too much.
 */
export function wholeMsOf({
  scope,
  restored,
  set,
  restoreMs,
}: Pick<DrillFacts, 'scope' | 'restored' | 'set' | 'restoreMs'>): number | undefined {
  if (scope === 'all') return restoreMs;
  if (restored.bytes === 0) return undefined;
  return Math.round((restoreMs * set.bytes) / restored.bytes);
}
