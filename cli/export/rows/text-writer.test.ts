import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowReader } from './row-reader.ts';
import { textOptionsFrom } from './text-options.ts';
import { textWriter } from './text-writer.ts';

type Value = string | null;
const NAMES = ['a', 'b', 'c'];

/** COPY text, as a server writes it. */
const copyText = (rows: readonly (readonly Value[])[]) =>
  rows
    .map((row) => `${row.map((value) => (value === null ? '\\N' : escaped(value))).join('\t')}\n`)
    .join('');

const LETTERS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};
const escaped = (value: string) =>
  value.replaceAll(/[\\\n\r\t\b\f\v]/g, (char) => LETTERS[char] ?? char);

/** The slow, obvious way. */
function csv(rows: readonly (readonly Value[])[], delimiter: string, nullText: string): string {
  const written = (value: Value) => {
    if (value === null) return nullText;
    const isQuoted = value === nullText || /["\n\r]/.test(value) || value.includes(delimiter);
    return isQuoted ? `"${value.replaceAll('"', '""')}"` : value;
  };
  return rows.map((row) => `${row.map(written).join(delimiter)}\n`).join('');
}

function throughWriter(text: string, flags: object, size: number, fields = [0, 1, 2]): string {
  const format = 'format' in flags && flags.format === 'text' ? 'text' : 'csv';
  const options = textOptionsFrom({ ...flags }, format);
  const writer = textWriter(
    fields.map((at) => Buffer.from(NAMES[at] ?? '')),
    options,
  );
  const reader = rowReader(NAMES.length, (row) => writer.write(row, Uint32Array.from(fields)));
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size));
  reader.end();
  return writer.take().toString();
}

const value = fc.option(
  fc.string({
    unit: fc.constantFrom('a', 'é', '"', ',', ';', '|', '\n', '\r', '\t', '\\', '\b', 'N', '.'),
  }),
);
const table = fc.array(fc.tuple(value, value, value), { maxLength: 8 });
const size = fc.integer({ min: 1, max: 12 });

describe('csv', () => {
  it('has every value as the slow way writes it, whatever the values and the chunks', () => {
    fc.assert(
      fc.property(table, size, (rows, chunk) => {
        expect(throughWriter(copyText(rows), {}, chunk)).toBe(csv(rows, ',', ''));
        const flags = { delimiter: ';', null: 'N' };
        expect(throughWriter(copyText(rows), flags, chunk)).toBe(csv(rows, ';', 'N'));
      }),
    );
  });

  it('has chosen columns in the chosen order', () => {
    fc.assert(
      fc.property(table, size, (rows, chunk) => {
        const chosen = rows.map(([a, , c]) => [c, a]);
        expect(throughWriter(copyText(rows), {}, chunk, [2, 0])).toBe(csv(chosen, ',', ''));
      }),
    );
  });
});

describe('text', () => {
  it('with another delimiter is read back by replacing it', () => {
    fc.assert(
      fc.property(table, size, (rows, chunk) => {
        const text = throughWriter(copyText(rows), { format: 'text', delimiter: '|' }, chunk);
        const wanted = rows
          .map((row) =>
            row
              .map((one) => (one === null ? '\\N' : escaped(one).replaceAll('|', '\\|')))
              .join('|'),
          )
          .map((line) => `${line}\n`)
          .join('');
        expect(text).toBe(wanted);
      }),
    );
  });
});

describe('rows that are not those of the table', () => {
  it.each([
    ['1\t2\n', /row 1 .*3 values/],
    ['1\t2\t3\n1\t2\t3\t4\n', /row 2 .*3 values/],
    ['1\t2\t3', /row 1 .*no end/],
  ])('%j are refused', (text, message) => {
    expect(() => throughWriter(text, {}, 5)).toThrow(message);
  });
});

describe('the options of COPY', () => {
  it.each([
    [{ delimiter: 'ab' }, /--delimiter takes one ASCII character/],
    [{ delimiter: '"' }, /--delimiter cannot be the quote/],
    [{ null: 'a,b' }, /--null cannot have the delimiter/],
    [{ format: 'text', delimiter: 'x' }, /--delimiter cannot be a backslash/],
    [{ format: 'text', quote: "'" }, /--quote goes with --format csv/],
  ])('%j are refused', (flags, message) => {
    expect(() => throughWriter('', flags, 1)).toThrow(message);
  });
});
