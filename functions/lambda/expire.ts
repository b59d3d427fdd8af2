import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { describeIssue, fieldNames } from '../../backup-set/messages/issue.ts';
import { RetentionRules } from '../../backup-set/retention/rules.ts';
import { expireRoot, type RootExpiry } from '../retention/expire-root.ts';
import { expiryProblems } from '../retention/steps-apart.ts';
import { openInvocation, requiredVariable } from './environment.ts';
import { measure } from './measure.ts';

/**
 * Called on a schedule: expires the sets that no rule keeps, and removes those of earlier runs.
 * Fails at its end when an object could not be read or removed, so that the error alarm fires.
 */
export async function handler(_event: unknown, context: Context): Promise<RootExpiry> {
  const rules = rulesFrom(requiredVariable('STOWAGE_RETENTION', 'the rules of retention, as JSON'));
  const given = await openInvocation(context);
  let report: RootExpiry | undefined;
  let problems: string[] = [];
  await measure(given, async (deps) => {
    report = await expireRoot(deps, rules);
    problems = expiryProblems(report, report.leftovers);
    return { SetsExpired: report.expired.length };
  });
  const [first] = problems;
  if (first !== undefined)
    throw new StowageError(
      'storage/denied',
      `the expiry had ${plural(problems.length, 'problem')}, first: ${first}`,
    );
  if (report === undefined) throw new StowageError('internal', 'the expiry returned no report');
  return report;
}

/** @throws StowageError `config/invalid`: wrong rules expire nothing. */
function rulesFrom(text: string): RetentionRules {
  try {
    return RetentionRules.parse(JSON.parse(text));
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const why = issue && describeIssue(issue, JSON.parse(text), fieldNames(RetentionRules));
    throw new StowageError(
      'config/invalid',
      `environment variable STOWAGE_RETENTION is not an object of rules as in \`retention\` of stowage.yaml, in JSON${why ? `: ${why}` : ''}`,
      { cause, where: { field: 'retention' } },
    );
  }
}
