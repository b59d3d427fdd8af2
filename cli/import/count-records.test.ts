import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvRecords, textRecords } from './count-records.ts';

const [QUOTE, CARET] = [0x22, 0x5e];

function counted(
  counter: { feed(chunk: Uint8Array): void; count(): number },
  text: string,
  size = 3,
) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) counter.feed(bytes.subarray(at, at + size));
  return counter.count();
}

describe('rows of csv', () => {
  it.each([
    ['', 0],
    ['a,b\nc,d\n', 2],
    ['a,b\nc,d', 2],
    ['a\r\nb\r\n', 2],
    ['a\rb\r', 2],
    ['"a\nb",c\n', 1],
    ['"a ""x\n"" b"\n', 1],
    ['""\n\n', 2],
  ])('in %j are %d', (text, rows) => {
    expect(counted(csvRecords(QUOTE, QUOTE), text)).toBe(rows);
  });

  it.each([
    ['a\n', false],
    ['', false],
    ['a\nb', true],
    ['"a\n', true],
    ['a\r', false],
  ])('in %j have an end that may be cut off: %s', (text, isOpen) => {
    const counter = csvRecords(QUOTE, QUOTE);
    counter.feed(Buffer.from(text));
    expect(counter.isOpen()).toBe(isOpen);
  });

  it('with an escape of their own end where a quote is not escaped', () => {
    expect(counted(csvRecords(QUOTE, CARET), '"a^"\n"\n"^^"\n')).toBe(2);
  });

  it('are as many as were written, whatever the values and the chunks', () => {
    const value = fc.string({ unit: fc.constantFrom('a', '"', '\n', '\r', ',', '\\') });
    fc.assert(
      fc.property(
        fc.array(fc.array(value, { minLength: 1 })),
        fc.integer({ min: 1, max: 9 }),
        (rows, size) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const text = rows.map((row) => `${row.map(quoted).join(',')}\n`).join('');
          expect(counted(csvRecords(QUOTE, QUOTE), text, size)).toBe(rows.length);
        },
      ),
    );
  });
});

describe('rows of text', () => {
  it.each([
    ['a\tb\nc\td\n', 2],
    ['a\\\nb\n', 1],
    ['\\N\n\\\\\n', 2],
  ])('in %j are %d', (text, rows) => {
    expect(counted(textRecords(), text)).toBe(rows);
  });
});
