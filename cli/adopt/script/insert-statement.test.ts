import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyLine, GENERATED, parseInsert } from './insert-statement.ts';

const STANDARD = { standard: true };
const text = fc.string({
  unit: fc.constantFrom(
    'a',
    "'",
    '\\',
    '\n',
    '\t',
    '\r',
    '\b',
    '\v',
    ',',
    '(',
    ')',
    ';',
    '"',
    '\xe9',
  ),
});
const value = fc.oneof(text, fc.constant(null));

test.each([true, false])(
  'values are read as they were written, with standard strings %s',
  (standard) =>
    fc.assert(
      fc.property(
        fc.array(fc.array(value, { minLength: 2, maxLength: 2 }), { minLength: 1 }),
        (rows) => {
          const literal = (one: string | null) =>
            one === null
              ? 'NULL'
              : `'${(standard ? one : one.replaceAll('\\', '\\\\')).replaceAll("'", "''")}'`;
          const lists = rows.map((row) => `(${row.map(literal).join(', ')})`);
          const parsed = parseInsert(
            `INSERT INTO s."T 1" (a, "B c") OVERRIDING SYSTEM VALUE VALUES\n\t${lists.join(',\n\t')};`,
            { standard },
          );
          expect(parsed).toEqual({ schema: 's', table: 'T 1', columns: ['a', 'B c'], rows });
        },
      ),
    ),
);

test('numbers, bits, booleans, generated columns and escapes have the text of their types', () => {
  const statement = `INSERT INTO t VALUES (1, -2.5e-07, 'NaN', true, false, B'101', NULL, DEFAULT, E'a\\\\b\\n\\101', 'x'''), (2, 3, '', true, true, B'', '\\x00ff', DEFAULT, E'', '') ON CONFLICT DO NOTHING;`;
  expect(parseInsert(statement, STANDARD)).toEqual({
    schema: undefined,
    table: 't',
    columns: undefined,
    rows: [
      ['1', '-2.5e-07', 'NaN', 't', 'f', '101', null, GENERATED, 'a\\b\nA', "x'"],
      ['2', '3', '', 't', 't', '', '\\x00ff', GENERATED, '', ''],
    ],
  });
});

test.each([
  'INSERT INTO t SELECT 1;',
  'INSERT INTO t VALUES (now());',
  'INSERT INTO t VALUES (1) RETURNING 1;',
  "INSERT INTO t VALUES ('a' || 'b');",
  "INSERT INTO t VALUES (E'\\u0041');",
])('%s is not an INSERT of pg_dump', (statement) => {
  expect(() => parseInsert(statement, STANDARD)).toThrow('is not an INSERT of pg_dump');
});

test('a row without columns is an empty line', () => {
  expect(parseInsert('INSERT INTO t DEFAULT VALUES;', STANDARD).rows).toEqual([[]]);
  expect(copyLine([])).toBe('\n');
  expect(copyLine([null, 'a\tb\\', '\\N'])).toBe('\\N\ta\\tb\\\\\t\\\\N\n');
});
