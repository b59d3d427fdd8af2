import { PROBLEMS_MAX } from './document.ts';
import type { Problem } from './verdict.ts';

/** Problems as a document has them: a bounded list, and the total number. */
export interface ProblemList {
  readonly problems: readonly Problem[];
  readonly problemsTotal: number;
}

export const NO_PROBLEMS: ProblemList = { problems: [], problemsTotal: 0 };

/** Concatenates two lists. */
export function joinProblems(one: ProblemList, other: ProblemList): ProblemList {
  return {
    problems: [...one.problems, ...other.problems].slice(0, PROBLEMS_MAX),
    problemsTotal: one.problemsTotal + other.problemsTotal,
  };
}

/**
 * Codes of problems where two things contradict each other; the others say that something is
 * missing.
 */
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

/** `damaged` if a problem is a contradiction, else `incomplete`. */
export function worstOf(problems: readonly Problem[]): 'incomplete' | 'damaged' {
  return problems.some(isContradiction) ? 'damaged' : 'incomplete';
}

/**
 * Collects the problems of the contents of a set. The order of the contents makes no difference.
 */
export interface ProblemGatherer {
  /** Adds problems of the whole set, which come first in the list. */
  addFirst(problems: readonly Problem[]): void;
  add(content: number, problems: readonly Problem[]): void;
  /** Adds a list that may be truncated. `part` is a content or another unit, such as a slice. */
  addList(part: number, list: ProblemList): void;
  readonly total: number;
  readonly worst: 'incomplete' | 'damaged';
  /** Codes of all problems that were added, also of those that the list omits. */
  readonly codes: ReadonlySet<Problem['code']>;
  list(): ProblemList;
}

interface Ranked {
  readonly content: number;
  /** Its index among the problems of its content. */
  readonly rank: number;
  readonly problem: Problem;
}

/**
 * Keeps at most PROBLEMS_MAX problems: the first of every content, then the second of every
 * content, and so on. So one segment with ten thousand missing tables does not hide the problems of
 * others.
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
    if (kept.length > 8 * PROBLEMS_MAX) kept = lowestRanked(kept);
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
      problems: lowestRanked(kept)
        .sort((a, b) => compare(a.content, b.content) || a.rank - b.rank || byPlace(a, b))
        .map(({ problem }) => problem),
      problemsTotal: total,
    }),
  };
}

const lowestRanked = (ranked: readonly Ranked[]) =>
  ranked
    .toSorted((a, b) => a.rank - b.rank || compare(a.content, b.content) || byPlace(a, b))
    .slice(0, PROBLEMS_MAX);

/** Orders problems of one content, so that the list does not depend on the order of the calls. */
const byPlace = ({ problem: a }: Ranked, { problem: b }: Ranked) =>
  compare(a.object ?? '', b.object ?? '') || compare(a.offset ?? 0, b.offset ?? 0);

const compare = <T extends number | string>(a: T, b: T) => (a < b ? -1 : a > b ? 1 : 0);
