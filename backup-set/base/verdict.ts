import * as z from 'zod';
import { Content, Count, header, IsoDate, Name, PROBLEMS_MAX } from './document.ts';
import { ERRORS, PROBLEMS, type ProblemCode } from './errors.ts';
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
  /** A command ran the function. Absent = `stowage serve`, a sweep or a deployed function. */
  writer: z.literal('command').exactOptional(),
  checked: z.object({ objects: Count, bytes: Count }),
  ...Problems,
});
export type Verdict = z.infer<typeof Verdict>;

/** The code that a message ends with when it quotes an error: `… was killed (shipper/died)`. */
const QUOTED_CODE = new RegExp(` \\((${Object.keys(ERRORS).join('|')})\\)$`);

/**
 * One line for a user: `content 3, public.place, sets/…/1-2-000001.pack at byte 4096: …`. A content
 * or object that the message itself names is not named again, and all codes are in one bracket:
 * `the shipper of content 1 was killed (segment-failed: shipper/died)`.
 */
export function describeProblem(problem: Problem): string {
  const { code, content, relation, object, offset } = problem;
  const cause = QUOTED_CODE.exec(problem.message);
  const message = problem.message.slice(0, cause?.index);
  const at = offset === undefined ? '' : ` at byte ${offset}`;
  const where = [
    content === undefined || namesContent(message, content) ? undefined : `content ${content}`,
    relation === undefined ? undefined : `${relation.schema}.${relation.name}`,
    object === undefined || (at === '' && message.includes(object)) ? undefined : `${object}${at}`,
  ].filter((part) => part !== undefined);
  const codes = cause === null ? code : `${code}: ${cause[1]}`;
  return `${where.join(', ')}${where.length === 0 ? '' : ': '}${message} (${codes})`;
}

function namesContent(message: string, content: number): boolean {
  return new RegExp(`\\bcontent ${content}(?!\\d)`).test(message);
}
