import type * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';
import { describeIssue, fieldNames, fieldOf, keysAt } from '../../backup-set/messages/issue.ts';
import type { Place, YamlFile } from './yaml-file.ts';

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** The file with line and column, the environment variable or the flag. */
  readonly origin: string;
  readonly field: string;
  readonly message: string;
  /** Absent: it is not in the file. */
  readonly place?: Place;
}

/** Mistakes that one message prints. */
const SHOWN = 20;

/** All mistakes of a configuration. Its message has the first; `lines` prints them all. */
export class ConfigError extends StowageError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const [first] = problems;
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    super('config/invalid', `${first ? textOf(first) : 'the document is invalid'}${more}`, {
      ...(first && { where: { field: first.field } }),
    });
    this.problems = problems;
  }
}

const textOf = ({ origin, message }: ConfigProblem) => `${origin}: ${message}`;

/** Each mistake, and below it the line of the file with a mark under its column. */
export function problemLines(problems: readonly ConfigProblem[]): string[] {
  const more = problems.length - SHOWN;
  return [
    ...problems.slice(0, SHOWN).flatMap((problem) => [textOf(problem), ...excerpt(problem)]),
    ...(more > 0 ? [`… and ${more} more`] : []),
  ];
}

function excerpt({ place }: ConfigProblem): string[] {
  if (place === undefined || place.text.trim() === '') return [];
  const margin = `  ${place.line} | `;
  const mark = place.column <= place.text.length + 1 ? [markLine(margin, place)] : [];
  return [`${margin}${place.text}`, ...mark];
}

const markLine = (margin: string, { column }: Place) =>
  `${' '.repeat(margin.length - 2)}| ${' '.repeat(column - 1)}^`;

/** Where a field got its value, when that is not the file. */
export type OriginOf = (field: string) => string | undefined;

/** What is wrong with the YAML itself. */
export function yamlProblems({ path, mistakes }: YamlFile): ConfigProblem[] {
  return mistakes.map(({ message, place }) => ({
    ...inFile(path, place),
    field: '',
    message: message.startsWith('must be ') ? message : `is not YAML: ${message}`,
  }));
}

/** The issues of a schema as mistakes, each with its place. */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  {
    file,
    values,
    schema,
    originOf = () => undefined,
  }: {
    readonly file: YamlFile;
    /** What the schema was given: the values of the file, and what overrides them. */
    readonly values: unknown;
    readonly schema: z.ZodType;
    readonly originOf?: OriginOf;
  },
): ConfigProblem[] {
  const known = fieldNames(schema);
  const problems = issues.flatMap((issue): Ranked[] => {
    const field = fieldOf(issue.path);
    if (issue.code !== 'unrecognized_keys') {
      const message = describeIssue(issue, values, known);
      const isMissing = message === `${field} is missing`;
      const origin = originOf(field);
      const place = inFile(file.path, file.placeOf(issue.path));
      return [{ field, ...(origin ? { origin } : place), isMissing, ...withFix(message, field) }];
    }
    return issue.keys.map((key) => {
      const siblings = keysAt(schema, issue.path);
      const one = { ...issue, keys: [key] };
      const message = describeIssue(one, values, known, siblings);
      return {
        ...inFile(file.path, file.placeOf(issue.path, key)),
        field,
        isMissing: false,
        message: message.includes('did you mean') ? message : `${message}. ${allowed(siblings)}`,
      };
    });
  });
  return firstOfEach(problems);
}

interface Ranked extends ConfigProblem {
  readonly isMissing: boolean;
}

/** What is missing comes last: a misspelt field is often the cause. */
function firstOfEach(problems: readonly Ranked[]): ConfigProblem[] {
  const ordered = problems.toSorted((a, b) => Number(a.isMissing) - Number(b.isMissing));
  const seen = new Set<string>();
  return ordered.flatMap(({ isMissing: _, ...problem }) => {
    // The value that breaks one rule often breaks another one, too.
    const key = problem.message.startsWith('unknown ') ? problem.message : problem.field;
    if (key !== '' && seen.has(key)) return [];
    seen.add(key);
    return [problem];
  });
}

function withFix(message: string, field: string): { message: string } {
  if (message !== `${field} is missing`) return { message };
  return { message: `${message}: add \`${field.slice(field.lastIndexOf('.') + 1)}: …\`` };
}

function allowed(keys: readonly string[]): string {
  if (keys.length === 0) return 'Remove it';
  return `Remove it, or use one of ${keys.join(', ')}`;
}

function inFile(path: string, place: Place): Pick<ConfigProblem, 'origin' | 'place'> {
  return { origin: `${path}:${place.line}:${place.column}`, place };
}
