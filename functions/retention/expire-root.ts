import type { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { Deps, Unreadable } from '../deps.ts';
import { type ExpiryReport, runExpiry } from './expire.ts';
import { type Leftovers, removeLeftovers } from './leftovers.ts';
import { planExpiry } from './plan.ts';
import { expiryProblems } from './steps-apart.ts';

/** What a run of expiry did in a whole root. */
export interface RootExpiry extends ExpiryReport {
  readonly leftovers: Leftovers;
  /** Objects that could not be read, and that no problem names: they may have kept other sets. */
  readonly unreadable: readonly Unreadable[];
}

/** Objects that a report names. */
const NAMED_MAX = 100;

/** Plans and runs an expiry, and removes what is left of old restores and tasks. */
export async function expireRoot(given: Deps, rules: RetentionRules): Promise<RootExpiry> {
  const met = new Map<string, Unreadable>();
  const deps: Deps = {
    ...given,
    onUnreadable(one) {
      if (met.size < NAMED_MAX) met.set(one.object, one);
      given.onUnreadable?.(one);
    },
  };
  const report = await runExpiry(deps, rules, await planExpiry(deps, rules));
  const leftovers = await removeLeftovers(deps, rules);
  const named = expiryProblems({ ...report, unreadable: [] }, leftovers);
  const unreadable = [...met.values()].filter(
    ({ object }) => !named.some((problem) => problem.includes(object)),
  );
  return { ...report, leftovers, unreadable };
}
