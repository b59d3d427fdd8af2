import * as z from 'zod';

const VALUE_CHARS_MAX = 80;
/** Edits between a misspelt field and the one that is suggested. */
const EDITS_MAX = 2;

/**
 * One zod issue of a configuration as a sentence: the field, what it must be, and the value given.
 * `known` are the fields that a misspelt one may mean.
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  values: unknown,
  known: readonly string[],
): string {
  const field = fieldOf(issue.path);
  if (issue.code === 'unrecognized_keys') return unknownField(field, issue.keys, known);
  const value = valueAt(values, issue.path);
  if (value === undefined && issue.code !== 'custom') return `${field} is missing`;
  const wanted = wantedBy(issue) ?? issue.message;
  if (field === '') return wanted;
  // "is missing" continues the name of the field; other messages are whole sentences.
  if (!/^(must|is|does) /.test(wanted)) return `${field}: ${wanted}`;
  const given =
    wanted.startsWith('must be ') || wanted.startsWith('must start')
      ? `, not ${shortened(JSON.stringify(value))}`
      : '';
  return `${field} ${wanted}${given}`;
}

/** The names of all fields of a schema, such as `shippers.workers`; without those in lists. */
export function fieldNames(schema: unknown, path = ''): string[] {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape).flatMap(([name, field]) => [
    `${path}${name}`,
    ...fieldNames(field, `${path}${name}.`),
  ]);
}

function unwrapped(schema: unknown): unknown {
  const { innerType } = (schema as { def?: { innerType?: unknown } }).def ?? {};
  return innerType === undefined ? schema : unwrapped(innerType);
}

/** `segments[2].port` for a path. */
export function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : `${text}${text && '.'}${String(part)}`,
    '',
  );
}

/** What the field must be; undefined when zod's own message says it. */
function wantedBy(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return 'must not be empty';
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_key':
      return `is not a valid name: it ${issue.issues[0]?.message ?? 'is wrong'}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_format':
      if (issue.format === 'url') return 'must be a URL';
      return issue.format === 'starts_with'
        ? `must start with ${(issue as { prefix?: string }).prefix}`
        : undefined;
    default:
      return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
};

function unknownField(parent: string, keys: readonly string[], known: readonly string[]): string {
  const named = keys.map((key) => (parent === '' ? key : `${parent}.${key}`));
  const [first = ''] = named;
  const near = known.find((field) => editsBetween(field, first) <= EDITS_MAX);
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  return `unknown ${named.length === 1 ? 'field' : 'fields'} ${named.join(', ')}${hint}`;
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null
        ? (value as Record<PropertyKey, unknown>)[part]
        : undefined,
    values,
  );
}

function shortened(whole: string): string {
  // A URL that is wrong for another reason may still hold a password: `htps://user:password@host`.
  const text = whole.replace(/^"([a-z0-9+.-]*:\/\/)?.*:.*@/i, '"$1…@');
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}

/** Levenshtein distance. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
