import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compact } from './scale.ts';
import { historySvg, type TimedHistory } from './svg.ts';
import { barPlot } from './terminal.ts';

const point = (value: number | undefined, at = 0) => ({ label: `2026-01-${10 + at}`, value });

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1.00k'],
  [1_234_567, '1.23M'],
  [999_999, '1.00M'],
])('%d is written as %s on an axis', (value, text) => {
  expect(compact(value)).toBe(text);
});

test('a plot has the greatest value at its top, and zero at its foot', () => {
  const lines = barPlot(
    [0, 50, 100].map((value, at) => point(value, at)),
    80,
  );
  expect(lines[0]).toBe('100 │        ████');
  expect(lines[7]).toBe('    │    ████████');
  expect(lines[8]).toBe('  0 └────────────');
  expect(lines[4]).toMatch(/^ 50 │/);
});

test('a value above zero is visible, and a set without the table is a dot', () => {
  const lines = barPlot([point(1), point(undefined), point(0), point(1_000_000)], 40);
  expect(lines[7]).toMatch(/│▁▁▁▁···· {4}████$/);
});

test('a column that stands for several sets shows the least of them', () => {
  const values = Array.from({ length: 365 }, (_, at) => point(at === 200 ? 0 : 100));
  const lines = barPlot(values, 80);
  const row = (lines[7] ?? '').split('│')[1] ?? '';
  expect([...row].filter((char) => char === ' ')).toHaveLength(1);
  expect(lines.at(-1)).toContain('a column is 5 sets: their least');
});

test('no line of a plot is wider than the screen', () => {
  const values = fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 500 });
  fc.assert(
    fc.property(values, fc.integer({ min: 40, max: 200 }), (list, columns) => {
      const lines = barPlot(
        list.map((value, at) => point(value, at % 20)),
        columns,
      );
      expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
      expect(lines.length).toBeGreaterThanOrEqual(10);
    }),
  );
});

const history = (name: string, rows: readonly (number | undefined)[]): TimedHistory => ({
  schema: 'public',
  name,
  database: 'shop',
  kind: 'table',
  points: rows.map((value, at) => {
    const place = { timestamp: '20260101120000', takenAt: '', at: Date.UTC(2026, 0, 1 + at) };
    return value === undefined
      ? { ...place, why: 'not-there' }
      : { ...place, rows: value, bytes: value, storedBytes: value, contents: 1 };
  }),
});

test('a file of SVG has a panel per table, and its line is cut where a set has none', () => {
  const svg = historySvg([history('a', [1, 2, undefined, 4, 5]), history('b', [3])]);
  expect(svg.match(/<polyline/g)).toHaveLength(3);
  expect(svg.match(/<circle/g)).toHaveLength(5);
  expect(svg).toContain('viewBox="0 0 800 440"');
});

test('names with the characters of XML and control characters are escaped in SVG', () => {
  const svg = historySvg([history('<script>&"\u0000\u001b', [1])]);
  expect(svg).toContain('public.&lt;script&gt;&amp;&quot;\uFFFD\uFFFD');
  expect(svg).not.toContain('<script');
});
