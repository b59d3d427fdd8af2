/** Legal names in PostgreSQL. Each is used for a table and a column, some also for a schema. */
export const HOSTILE_NAMES: readonly string[] = [
  'with space',
  ' leading and trailing ',
  'UPPER',
  'Mixed',
  'mixed',
  'select',
  'user',
  'table',
  'a.b',
  '.',
  '..',
  '../escape',
  'a/b',
  '/',
  '-rf',
  '--help',
  'quote"quote',
  '"',
  "it's",
  '$$',
  '$1',
  '%s%n',
  '%2F',
  '\\',
  '\\N',
  '\\.',
  '*',
  '?',
  '{a,b}',
  '[x]',
  'a&b=c#d+e',
  '|;&`$(x)',
  '~',
  ':colon',
  'tab\there',
  'line\nbreak',
  'carriage\rreturn',
  '1',
  '0001-0002',
  'null',
  'é', // one code point
  'e\u0301', // two: e and an accent
  'ünïcödé',
  '日本語',
  '🙂 emoji',
  'עברית',
  '\u200b',
  'plan.json',
  'constructor',
  '__proto__',
  'x'.repeat(63),
  `${'x'.repeat(59)}🙂`,
  'é'.repeat(31),
];

const SCHEMAS = ['Schema "one".two/three', 'line\nbreak', '🙂', 's'.repeat(63), '__proto__'];

/** Quotes an SQL identifier. */
export const quoteName = (name: string) => `"${name.replaceAll('"', '""')}"`;

export const namesSql = (content: number) =>
  ['names', ...SCHEMAS]
    .map((schema, index) =>
      schemaSql(schema, index === 0 ? HOSTILE_NAMES : HOSTILE_NAMES.slice(-5), content),
    )
    .join('\n');

function schemaSql(schema: string, names: readonly string[], content: number): string {
  const table = (name: string, index: number) => {
    const full = `${quoteName(schema)}.${quoteName(name)}`;
    return `CREATE TABLE ${full} (${quoteName(name)} text, other int);
INSERT INTO ${full} SELECT 'row ' || i, ${content} FROM generate_series(1, ${(index % 3) + content}) i;`;
  };
  return `CREATE SCHEMA ${quoteName(schema)};\n${names.map(table).join('\n')}`;
}
