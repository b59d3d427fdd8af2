import * as z from 'zod';
import { Warnings } from '../unusual/warnings.ts';
import { Content, Count, header, IsoDate, Name, PROBLEMS_MAX } from './document.ts';
import { VERDICT_LEVELS } from './keys.ts';
import { Timestamp } from './timestamps.ts';
import { DrillFacts } from './verdict/drill-facts.ts';
import { PROBLEMS, type ProblemCode } from './verdict/problem-codes.ts';

export { PROBLEMS, type ProblemCode };

/** One thing that is wrong, with all names that are known. */
export const Problem = z.object({
  code: z.enum(Object.keys(PROBLEMS) as ProblemCode[]),
  message: z.string(),
  /** The code of the failure that the message ends with: a code of the errors. */
  cause: z.string().exactOptional(),
  content: Content.exactOptional(),
  relation: Name.exactOptional(),
  object: z.string().exactOptional(),
  offset: Count.exactOptional(),
  /** An entry of a schema archive. `schema` is empty when the object is in none. */
  schemaObject: z
    .object({ kind: z.string(), schema: z.string(), name: z.string() })
    .exactOptional(),
});
export type Problem = z.infer<typeof Problem>;

export const Problems = { problemsTotal: Count, problems: z.array(Problem).max(PROBLEMS_MAX) };

/** What a restore did not make or load, and went on. Absent = nothing. */
export const LeftOut = {
  leftOutTotal: Count.exactOptional(),
  leftOut: z.array(Problem).max(PROBLEMS_MAX).exactOptional(),
};

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

/** The fields `leftOut` and `leftOutTotal` of a document; none when nothing was left out. */
export function boundedLeftOut(
  problems: readonly Problem[],
  total = problems.length,
): { leftOutTotal?: number; leftOut?: Problem[] } {
  if (total === 0) return {};
  return { leftOutTotal: total, leftOut: boundedProblems(problems).problems };
}

function shortened(problem: Problem): Problem {
  const { message } = problem;
  if (message.length <= MESSAGE_CHARS_MAX) return problem;
  // slice() may cut a surrogate pair, which is not valid UTF-8.
  return { ...problem, message: `${message.slice(0, MESSAGE_CHARS_MAX).toWellFormed()}…` };
}

/** Proofs in a verdict. A check reads further objects again. */
export const PROVEN_MAX = 10_000;

/** An object whose ETag is not that of its receipt, and whose bytes were read and are right. */
const ProvenObject = z.object({ object: z.string(), etag: z.string() });
export type ProvenObject = z.infer<typeof ProvenObject>;

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
  /** Levels `validate` and `verify`. Absent = every ETag is that of its receipt. */
  proven: z.array(ProvenObject).max(PROVEN_MAX).exactOptional(),
  /** Level `verify`, encrypted sets: whether rows were decrypted and counted. */
  decrypted: z.boolean().exactOptional(),
  /** Level `drill`. */
  drill: DrillFacts.exactOptional(),
  ...Problems,
  ...Warnings,
});
export type Verdict = z.infer<typeof Verdict>;

/** The fields of a problem that a failure caused: `… was killed (shipper/died)`. */
export function causedBy(
  { code, message }: { readonly code: string; readonly message: string },
  failed = '',
): Pick<Problem, 'message'> & { readonly cause: string } {
  return { message: `${failed}${message} (${code})`, cause: code };
}

/**
 * One line for a user: `content 3, public.place, sets/…/1-2-000001.pack at byte 4096: …`. A content
 * or object that the message itself names is not named again, and all codes are in one bracket:
 * `the shipper of content 1 was killed (segment-failed: shipper/died)`.
 */
export function describeProblem(problem: Problem): string {
  const { code, cause, content, relation, object, offset } = problem;
  const quoted = ` (${cause})`;
  const message = problem.message.endsWith(quoted)
    ? problem.message.slice(0, -quoted.length)
    : problem.message;
  const at = offset === undefined ? '' : ` at byte ${offset}`;
  const where = [
    content === undefined || namesContent(message, content) ? undefined : `content ${content}`,
    relation === undefined ? undefined : `${relation.schema}.${relation.name}`,
    object === undefined || message.includes(`${object}${at}`) ? undefined : `${object}${at}`,
  ].filter((part) => part !== undefined);
  const codes = cause === undefined ? code : `${code}: ${cause}`;
  return `${where.join(', ')}${where.length === 0 ? '' : ': '}${message} (${codes})`;
}

function namesContent(message: string, content: number): boolean {
  return new RegExp(`\\bcontent ${content}(?!\\d)`).test(message);
}
