import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UnsoundScript } from '../../script/unsound.ts';
import { csvToText } from './csv-to-text.ts';

type Field = string | null;

/** As a server writes a field by COPY … WITH CSV. */
function csvOf(field: Field, isOnly: boolean): string {
  if (field === null) return '';
  const needs = field === '' || /[",\n\r]/.test(field) || (isOnly && field === '\\.');
  return needs ? `"${field.replaceAll('"', '""')}"` : field;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** As a server writes a field by COPY in text. */
const textOf = (field: Field) =>
  field === null ? '\\N' : [...field].map((char) => ESCAPES[char] ?? char).join('');

function converted(csv: string, columns: number, cuts: readonly number[] = []): string {
  const bytes = Buffer.from(csv);
  const converter = csvToText(columns);
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  const out: Buffer[] = [];
  let at = 0;
  for (const end of ends) {
    out.push(converter.convert(bytes.subarray(at, end)));
    at = end;
  }
  converter.end();
  return Buffer.concat(out).toString();
}

const sign = fc.constantFrom(...'"",,\n\r\t\b\f\v\\\\NaÜ😀. ');
const field = fc.oneof(
  fc.constant(null),
  fc.string({ unit: sign, maxLength: 8 }),
  fc.constantFrom('', '\\.', '\\N', 'NULL', '""'),
);

test('CSV becomes the COPY text of the same rows, wherever chunks end', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 4 })
        .chain((columns) =>
          fc.tuple(
            fc.constant(columns),
            fc.array(fc.array(field, { minLength: columns, maxLength: columns }), { maxLength: 6 }),
            fc.array(fc.nat(), { maxLength: 6 }),
          ),
        ),
      ([columns, rows, cuts]) => {
        const line = (of: (one: Field, isOnly: boolean) => string, by: string) =>
          rows.map((row) => `${row.map((one) => of(one, columns === 1)).join(by)}\n`).join('');
        expect(converted(line(csvOf, ','), columns, cuts)).toBe(line(textOf, '\t'));
      },
    ),
  );
});

test('rows of a table without columns are empty lines', () => {
  expect(converted('\n\n', 0)).toBe('\n\n');
});

test.each([
  ['inside a quoted field', 'a,"b\nc', 2, 'cut off inside row 1'],
  ['inside a row', 'a,b\nc', 2, 'cut off inside row 2'],
  ['behind a comma', 'a,b\nc,', 2, 'cut off inside row 2'],
  ['without the last line break', 'a', 1, 'cut off inside row 1'],
  ['with too few fields', 'a,b\nc\n', 2, 'row 2 has 1 fields'],
  ['with too many fields', 'a,b,c\n', 2, 'row 1 has 3 fields'],
  ['with converted line ends', 'a,b\r\n', 2, 'a carriage return'],
  ['with a quote inside a field', 'a"b,c\n', 2, 'a quote'],
  ['with a byte behind a quote', '"a"b,c\n', 2, 'a byte behind the quote'],
  ['that has fields, of a table without columns', 'a,b\n', 0, 'row 1 has values'],
])('CSV that ends or reads %s is not sound', (_, csv, columns, message) => {
  expect(() => converted(csv, columns)).toThrow(UnsoundScript);
  expect(() => converted(csv, columns)).toThrow(message);
});

test.each(['a\n', '"a"\n', ',\n'])('a table without columns has no row %j', (row) => {
  expect(() => csvToText(0).convert(Buffer.from(row))).toThrow(UnsoundScript);
  expect(csvToText(0).convert(Buffer.from('\n\n')).toString()).toBe('\n\n');
});
