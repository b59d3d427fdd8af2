import type { Context } from 'aws-lambda';
import { StowageError } from '../../backup-set/base/errors.ts';
import { RetentionRules } from '../../backup-set/retention/rules.ts';
import { type ExpiryReport, runExpiry } from '../retention/expire.ts';
import { removeLeftovers } from '../retention/leftovers.ts';
import { planExpiry } from '../retention/plan.ts';
import { openInvocation, requiredVariable } from './environment.ts';
import { measure } from './measure.ts';

/** Called on a schedule: expires the sets that no rule keeps, and removes those of earlier runs. */
export async function handler(_event: unknown, context: Context): Promise<ExpiryReport> {
  const rules = rulesFrom(requiredVariable('STOWAGE_RETENTION', 'the rules of retention, as JSON'));
  const given = await openInvocation(context);
  let report: ExpiryReport | undefined;
  await measure(given, async (deps) => {
    report = await runExpiry(deps, rules, await planExpiry(deps, rules));
    await removeLeftovers(deps, rules);
    return { SetsExpired: report.expired.length };
  });
  if (report === undefined) throw new StowageError('internal', 'the expiry returned no report');
  return report;
}

/** @throws StowageError `config/invalid`: wrong rules expire nothing. */
function rulesFrom(text: string): RetentionRules {
  try {
    return RetentionRules.parse(JSON.parse(text));
  } catch (cause) {
    throw new StowageError(
      'config/invalid',
      'environment variable STOWAGE_RETENTION is not an object of rules as in `retention` of stowage.yaml, in JSON',
      { cause, where: { field: 'retention' } },
    );
  }
}
