import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { TargetCheck } from '../target-check/target-check.ts';
import { compareDefinitions, type Differences } from './definitions.ts';
import { globalReasons } from './globals.ts';
import { largeObjectReasons } from './large-objects.ts';

/**
 * Compares what documents of the functions do not tell of contents that go into one server. A
 * resume goes on with what the first restore has compared.
 */
export async function lookAtSources(check: TargetCheck): Promise<Differences> {
  const { map = [], resumes, mode } = check.request;
  const reasons: Problem[] = [];
  const accepted: Problem[] = [];
  if (resumes !== undefined) return { reasons, accepted };
  for (const { from } of map) {
    // No DDL is run with `truncate`.
    if (mode !== 'truncate') {
      const found = await compareDefinitions(check, from);
      reasons.push(...found.reasons);
      accepted.push(...found.accepted);
    }
    reasons.push(...(await globalReasons(check, from)));
    reasons.push(...(await largeObjectReasons(check, from)));
  }
  return { reasons, accepted };
}
