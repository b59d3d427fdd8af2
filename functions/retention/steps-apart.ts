import type { Deps, Unreadable } from '../deps.ts';
import { apart } from '../stored/unreadable.ts';

/** A set on which a run of expiry could not do a step, or that it could not look at. */
export interface ExpiryProblem {
  readonly timestamp: string;
  readonly message: string;
}

/** Does one step on one set. @returns false when the store refused an object of that set. */
export type SetStep = (timestamp: string, work: () => Promise<void>) => Promise<boolean>;

/** Steps on several sets: a set on which one fails is a problem, and the others go on. */
export function stepsApart(deps: Deps, problems: ExpiryProblem[]): SetStep {
  return (timestamp, work) =>
    apart(
      deps,
      `expiry left set ${timestamp} as it is`,
      async () => {
        await work();
        return true;
      },
      ({ message }) => {
        problems.push({ timestamp, message });
        return false;
      },
    );
}

/** The first failure ends the work, as where there is one set only. */
export const stepsTogether: SetStep = async (_, work) => {
  await work();
  return true;
};

/** Lines about what a run of expiry left as it is, or could not read. */
export function expiryProblems(
  { problems, unreadable = [] }: Refused,
  leftovers: { readonly problems: readonly string[] },
): string[] {
  const ofSets = problems.map(({ timestamp, message }) => `set ${timestamp}: ${message}`);
  return [...ofSets, ...leftovers.problems, ...unreadable.map(({ message }) => message)];
}

interface Refused {
  readonly problems: readonly ExpiryProblem[];
  /** Objects that may have kept other sets. */
  readonly unreadable?: readonly Unreadable[];
}
