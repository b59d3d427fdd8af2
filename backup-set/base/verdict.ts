import * as z from 'zod';
import { Content, Count, header, IsoDate, Name, PROBLEMS_MAX } from './document.ts';
import { PROBLEMS, type ProblemCode } from './errors.ts';
import { VERDICT_LEVELS } from './keys.ts';
import { Timestamp } from './timestamps.ts';

/** One thing that is wrong, with all names that are known. */
export const Problem = z.object({
  code: z.enum(Object.keys(PROBLEMS) as ProblemCode[]),
  message: z.string(),
  content: Content.exactOptional(),
  relation: Name.exactOptional(),
  object: z.string().exactOptional(),
  offset: Count.exactOptional(),
});
export type Problem = z.infer<typeof Problem>;

export const Problems = { problemsTotal: Count, problems: z.array(Problem).max(PROBLEMS_MAX) };

/** A message can quote a damaged document of any size. */
const MESSAGE_CHARS_MAX = 4000;

/** Bounds a list of problems for a document, and keeps the total number. */
export function boundedProblems(problems: readonly Problem[]): {
  problemsTotal: number;
  problems: Problem[];
} {
  return {
    problemsTotal: problems.length,
    problems: problems.slice(0, PROBLEMS_MAX).map(shortened),
  };
}

function shortened(problem: Problem): Problem {
  const { message } = problem;
  if (message.length <= MESSAGE_CHARS_MAX) return problem;
  // slice() may cut a surrogate pair, which is not valid UTF-8.
  return { ...problem, message: `${message.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…` };
}

export const SetStatus = z.enum(['complete', 'incomplete', 'damaged']);

/** The result of a check. A set can have many; the newest verdict of each level counts. */
export const Verdict = z.object({
  ...header('verdict'),
  timestamp: Timestamp,
  level: z.enum(VERDICT_LEVELS),
  at: IsoDate,
  status: SetStatus,
  checked: z.object({ objects: Count, bytes: Count }),
  ...Problems,
});
export type Verdict = z.infer<typeof Verdict>;

/** One line for a user: `content 3, public.place, sets/…/1-2-000001.pack at 4096: …`. */
export function describeProblem(problem: Problem): string {
  const at = problem.offset === undefined ? '' : ` at byte ${problem.offset}`;
  const where = [
    problem.content === undefined ? undefined : `content ${problem.content}`,
    problem.relation === undefined
      ? undefined
      : `${problem.relation.schema}.${problem.relation.name}`,
    problem.object === undefined ? undefined : `${problem.object}${at}`,
  ].filter((part) => part !== undefined);
  return `${where.join(', ')}${where.length === 0 ? '' : ': '}${problem.message} (${problem.code})`;
}
