import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  quoteConninfo,
  quoteIdentifier,
  quoteLiteral,
  quoteLiteralOnOneLine,
  quoteQualified,
} from './quote.ts';

/** Text made of what breaks quoting, mixed with anything else. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', "'", '\\', ';', '--', '$$', '\n', '\r', '.', '/', "E'", '😀'),
      fc.string({ unit: 'binary' }),
    ),
  )
  .map((parts) => parts.join('').replaceAll('\0', ''));
const name = hostile.filter((text) => text !== '');

/** How a scanner reads one quoted token: where it ends and what it means. */
function scan(sql: string, quote: string, escapes: boolean): { value: string; rest: string } {
  let value = '';
  for (let at = 1; at < sql.length; at += 1) {
    const char = sql[at] ?? '';
    if (char === quote && sql[at + 1] !== quote) return { value, rest: sql.slice(at + 1) };
    if (char === quote) at += 1;
    if (escapes && char === '\\') {
      at += 1;
      value += { n: '\n', r: '\r' }[sql[at] ?? ''] ?? sql[at];
    } else value += char;
  }
  throw new Error('the token does not end');
}

const readLiteral = (sql: string) =>
  sql.startsWith('E') ? scan(sql.slice(1), "'", true) : scan(sql, "'", false);

describe('quoting', () => {
  it('makes one identifier of any name', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(scan(quoteIdentifier(text), '"', false)).toEqual({ value: text, rest: '' });
      }),
    );
  });
  it('quotes schema and name separately', () => {
    fc.assert(
      fc.property(name, name, (schema, relation) => {
        const first = scan(quoteQualified({ schema, name: relation }), '"', false);
        expect(first.value).toBe(schema);
        expect(scan(first.rest.slice(1), '"', false)).toEqual({ value: relation, rest: '' });
      }),
    );
  });
  it('makes one literal of any value, under either setting of standard_conforming_strings', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(readLiteral(quoteLiteral(text))).toEqual({ value: text, rest: '' });
        expect(quoteLiteral(text).startsWith('E')).toBe(text.includes('\\'));
      }),
    );
  });
  it('keeps a literal on one line without changing its value', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(quoteLiteralOnOneLine(text)).not.toMatch(/[\r\n]/);
        expect(readLiteral(quoteLiteralOnOneLine(text))).toEqual({ value: text, rest: '' });
      }),
    );
  });
  it('escapes a connection string value', () => {
    expect(quoteConninfo("a'b\\c d=e")).toBe("'a\\'b\\\\c d=e'");
  });
  it.each([() => quoteIdentifier('a\0b'), () => quoteIdentifier(''), () => quoteLiteral('\0')])(
    'rejects a name or value that SQL cannot represent',
    (quote) => {
      expect(quote).toThrow(expect.objectContaining({ code: 'database/failed' }));
    },
  );
});
