import { PROBLEMS_MAX } from './document.ts';
import type { Problem } from './verdict.ts';

/** Problems as documents tell them: a bounded list, and how many there are. */
export interface ProblemList {
  readonly problems: readonly Problem[];
  readonly problemsTotal: number;
}

export const NO_PROBLEMS: ProblemList = { problems: [], problemsTotal: 0 };

/** Both lists, the first one first. */
export function joinProblems(one: ProblemList, other: ProblemList): ProblemList {
  return {
    problems: [...one.problems, ...other.problems].slice(0, PROBLEMS_MAX),
    problemsTotal: one.problemsTotal + other.problemsTotal,
  };
}

/** Problems that say that something contradicts something, not merely that it has not come. */
const CONTRADICTIONS: ReadonlySet<Problem['code']> = new Set([
  'receipt-altered',
  'receipt-unreadable',
  'relation-surplus',
  'pack-not-tiled',
  'document-unreadable',
  'documents-disagree',
]);

export function isContradiction({ code }: Pick<Problem, 'code'>): boolean {
  return CONTRADICTIONS.has(code);
}

/** `damaged` when any problem is a contradiction, else `incomplete`. */
export function worstOf(problems: readonly Problem[]): 'incomplete' | 'damaged' {
  return problems.some(isContradiction) ? 'damaged' : 'incomplete';
}

/** Gathers what is wrong with the contents of a set, in whatever order they are looked at. */
export interface ProblemGatherer {
  /** What concerns the set as a whole: told before anything else. */
  addFirst(problems: readonly Problem[]): void;
  add(content: number, problems: readonly Problem[]): void;
  /** The same of a list that may have been cut already; `part` is a content, or whatever else the work was cut into. */
  addList(part: number, list: ProblemList): void;
  readonly total: number;
  readonly worst: 'incomplete' | 'damaged';
  /** Of all problems that were added, also those that the list has no room for. */
  readonly codes: ReadonlySet<Problem['code']>;
  list(): ProblemList;
}

interface Ranked {
  readonly content: number;
  /** Its place among the problems of its content. */
  readonly rank: number;
  readonly problem: Problem;
}

/**
 * Keeps a bounded number of them: of every content the first, then of every content the second, and so on, so that one
 * segment with ten thousand missing tables does not hide that others lack something too.
 */
export function gatherProblems(): ProblemGatherer {
  let total = 0;
  const codes = new Set<Problem['code']>();
  let kept: Ranked[] = [];
  const take = (content: number, problems: readonly Problem[], rankOf: (at: number) => number) => {
    total += problems.length;
    for (const { code } of problems) codes.add(code);
    for (const [at, problem] of problems.slice(0, PROBLEMS_MAX).entries())
      kept.push({ content, rank: rankOf(at), problem });
    if (kept.length > 8 * PROBLEMS_MAX) kept = mostTelling(kept);
  };
  return {
    addFirst: (problems) => take(Number.NEGATIVE_INFINITY, problems, (at) => at - problems.length),
    add: (content, problems) => take(content, problems, (at) => at),
    addList(part, { problems, problemsTotal }) {
      take(part, problems, (at) => at);
      total += Math.max(0, problemsTotal - problems.length);
    },
    get total() {
      return total;
    },
    get worst() {
      return [...codes].some((code) => isContradiction({ code })) ? 'damaged' : 'incomplete';
    },
    codes,
    list: () => ({
      problems: mostTelling(kept)
        .sort((a, b) => compare(a.content, b.content) || a.rank - b.rank || inPlace(a, b))
        .map(({ problem }) => problem),
      problemsTotal: total,
    }),
  };
}

const mostTelling = (ranked: readonly Ranked[]) =>
  ranked
    .toSorted((a, b) => a.rank - b.rank || compare(a.content, b.content) || inPlace(a, b))
    .slice(0, PROBLEMS_MAX);

/** Of what was added to one content at different times, the list must not depend on which came first. */
const inPlace = ({ problem: a }: Ranked, { problem: b }: Ranked) =>
  compare(a.object ?? '', b.object ?? '') || compare(a.offset ?? 0, b.offset ?? 0);

const compare = <T extends number | string>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);
