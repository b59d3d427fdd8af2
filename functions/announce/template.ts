/** Fields that `subject` and `text` may name; docs/operations.md has a row for each. */
export const FIELDS = [
  'event',
  'severity',
  'id',
  'at',
  'cluster',
  'database',
  'root',
  'set',
  'restore',
  'status',
  'level',
  'title',
  'problems',
  'problemsTotal',
  'tables',
  'rows',
  'bytes',
  'storedBytes',
  'newBytes',
  'time',
  'object',
  'next',
] as const;
export type Field = (typeof FIELDS)[number];
export type FieldValues = Readonly<Record<Field, string>>;

/** `{name}`; `{{` and `}}` are braces. A brace that is neither is a mistake. */
const PIECE = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/** Why a text is not a template; undefined when it is one. */
export function templateProblem(text: string): string | undefined {
  for (const [piece, name] of text.matchAll(PIECE)) {
    if (piece === '{' || piece === '}')
      return `has a single ${piece}: write {{ or }} for a brace, {title} for a field`;
    if (name !== undefined && !FIELDS.some((field) => field === name))
      return `names an unknown field {${name}}; the fields are ${FIELDS.join(', ')}`;
  }
  return undefined;
}

/** Replaces each field once: a value that looks like a field stays as it is. */
export function render(text: string, values: FieldValues): string {
  return text.replace(PIECE, (piece, name?: string) => {
    if (piece === '{{') return '{';
    if (piece === '}}') return '}';
    const field = FIELDS.find((known) => known === name);
    return field === undefined ? piece : values[field];
  });
}

/** As `render`, without the lines of which all fields are empty. */
export function renderLines(text: string, values: FieldValues): string {
  const isEmpty = (line: string) => {
    const named = FIELDS.filter((field) => line.includes(`{${field}}`));
    return named.length > 0 && named.every((field) => values[field] === '');
  };
  const lines = text.split('\n').filter((line) => !isEmpty(line));
  return render(lines.join('\n'), values);
}
