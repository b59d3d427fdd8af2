import * as z from 'zod';
import { quantityForms } from './quantities.ts';
import { isSecretName, printedValue, withoutSecrets } from './secrets.ts';

const VALUE_CHARS_MAX = 80;
/** Edits between a misspelt field and the one that is suggested. */
const EDITS_MAX = 2;

/**
 * One zod issue of a configuration as a sentence: the field, what it must be, and the value given.
 * `known` are the fields that a misspelt one may mean, `keys` those of the mapping that has it.
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  values: unknown,
  known: readonly string[],
  keys: readonly string[] = [],
): string {
  const field = fieldOf(issue.path);
  if (issue.code === 'unrecognized_keys') return unknownField(field, issue.keys, known, keys);
  const value = valueAt(values, issue.path);
  if (value === undefined && issue.code !== 'custom') return `${field} is missing`;
  const wanted = wantedBy(issue) ?? issue.message;
  if (field === '') return wanted;
  // "is missing" continues the name of the field; other messages are whole sentences.
  if (!/^(must|is|does) /.test(wanted)) return `${field}: ${wanted}`;
  const given =
    wanted.startsWith('must be ') || wanted.startsWith('must start')
      ? `, not ${shortened(lastName(issue.path), value)}`
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
    case 'invalid_type': {
      const forms = NUMBERS.has(issue.expected) && quantityForms(String(issue.path.at(-1)));
      return `must be ${forms || (TYPES[issue.expected] ?? issue.expected)}`;
    }
    case 'invalid_union': {
      const first = issue.errors.flatMap((branch) => branch.slice(0, 1));
      const forms = first.flatMap((one) => wantedBy(one) ?? one.message);
      const known = forms.filter((form) => /^must be /.test(form));
      return known.length === 0
        ? undefined
        : [...new Set(known)].join(', or ').replaceAll(', or must be ', ', or ');
    }
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return 'must not be empty';
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_key':
      return `is not a valid name: it ${issue.issues[0]?.message ?? 'is wrong'}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${JSON.stringify(issue.values[0])}`
        : `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'invalid_format':
      if (issue.format === 'url') return 'must be a URL';
      return issue.format === 'starts_with'
        ? `must start with ${(issue as { prefix?: string }).prefix}`
        : undefined;
    default:
      return undefined;
  }
}

const NUMBERS: ReadonlySet<string> = new Set(['number', 'int']);

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
};

function unknownField(
  parent: string,
  keys: readonly string[],
  known: readonly string[],
  siblings: readonly string[],
): string {
  const named = keys.map((key) => (parent === '' ? key : `${parent}.${key}`));
  const near = meantBy(parent, keys[0] ?? '', { known, siblings });
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  return `unknown ${named.length === 1 ? 'field' : 'fields'} ${named.join(', ')}${hint}`;
}

/** The field that a misspelt one may mean: a near name here, or its name in another section. */
function meantBy(
  parent: string,
  key: string,
  { known, siblings }: { known: readonly string[]; siblings: readonly string[] },
): string | undefined {
  const prefix = parent === '' ? '' : `${parent}.`;
  const whole = `${prefix}${key}`;
  const near = (names: readonly string[], name: string) =>
    names
      .map((one) => ({ one, edits: editsBetween(plainName(one), plainName(name)) }))
      .filter(({ edits }) => edits <= Math.min(EDITS_MAX, Math.ceil(name.length / 3)))
      .toSorted((a, b) => a.edits - b.edits)[0]?.one;
  const sibling = near(siblings, key);
  if (sibling !== undefined) return `${prefix}${sibling}`;
  const elsewhere = known.filter((field) => plainName(lastOf(field)) === plainName(key));
  if (elsewhere.length > 0) return elsewhere.length === 1 ? elsewhere[0] : undefined;
  return near(known, whole);
}

const lastOf = (field: string) => field.slice(field.lastIndexOf('.') + 1);
/** `zstd_level` and `ZstdLevel` mean `zstdLevel`. */
const plainName = (name: string) => name.replaceAll(/[_-]/g, '').toLowerCase();

/** The keys that the schema allows in the mapping at a path; empty when it is none. */
export function keysAt(schema: unknown, path: readonly PropertyKey[]): string[] {
  const inner = unwrapped(schema);
  const [part, ...rest] = path;
  if (part === undefined) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  if (inner instanceof z.ZodArray) return keysAt(inner.element, rest);
  if (inner instanceof z.ZodRecord) return keysAt(inner.valueType, rest);
  if (!(inner instanceof z.ZodObject)) return [];
  const shape: Readonly<Record<PropertyKey, unknown>> = inner.shape;
  return Object.hasOwn(shape, part) ? keysAt(shape[part], rest) : [];
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

const lastName = (path: readonly PropertyKey[]) =>
  String(path.findLast((part) => typeof part === 'string') ?? '');

function shortened(field: string, value: unknown): string {
  const text =
    typeof value === 'string'
      ? JSON.stringify(shownText(field, value))
      : withoutSecrets(JSON.stringify(value));
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}

function shownText(field: string, value: string): string {
  // A URL that is wrong for another reason may still hold a password: `htps://user:password@host`.
  const known = value.replace(/^([a-z0-9+.-]*:\/\/)?.*:.*@/i, '$1…@');
  return known === value || isSecretName(field) ? printedValue(field, value) : known;
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
