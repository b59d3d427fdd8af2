import * as z from 'zod';
import { Content, Count, header, IsoDate, Name, PROBLEMS_MAX } from './document.ts';
import { VERDICT_LEVELS } from './keys.ts';
import { Timestamp } from './timestamps.ts';

export const PROBLEM_CODES = [
  'segment-failed',
  'content-missing',
  'content-too-large',
  'receipt-missing',
  'receipt-altered',
  'receipt-unreadable',
  'relation-incomplete',
  'relation-surplus',
  'metadata-missing',
  'pack-not-tiled',
  'document-unreadable',
  'documents-disagree',
  'object-missing',
  'size-differs',
  'etag-differs',
  'digest-differs',
  'frame-unreadable',
  'overdue',
  'request-impossible',
  'target-refused',
  'order-failed',
] as const;

/** One thing that is wrong, with every name that is known. */
export const Problem = z.object({
  code: z.enum(PROBLEM_CODES),
  message: z.string(),
  content: Content.exactOptional(),
  relation: Name.exactOptional(),
  object: z.string().exactOptional(),
  offset: Count.exactOptional(),
});
export type Problem = z.infer<typeof Problem>;

export const Problems = { problemsTotal: Count, problems: z.array(Problem).max(PROBLEMS_MAX) };

/** A message may quote what somebody else wrote: a thousand megabytes must not become a verdict. */
const MESSAGE_CHARS_MAX = 4000;

/** Bounds a list of problems for a document, keeping the count. */
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
  // A character that was cut in half is none.
  return { ...problem, message: `${message.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…` };
}

export const SetStatus = z.enum(['complete', 'incomplete', 'damaged']);

/** What a check found. Many may exist for a set; the newest of each level speaks. */
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

/** One line for people: `content 3, public.place, sets/…/1-2-000001.pack at 4096: …`. */
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
