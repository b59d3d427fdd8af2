import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coloured, paintFor, plain } from './palette.ts';
import { screenOf } from './screen.ts';
import { type Column, table } from './table.ts';
import { folded, shortened, widthOf } from './width.ts';

const narrow = (columns: number) => ({ columns, paint: plain });

test('columns of numbers are aligned to the right and other columns to the left', () => {
  const rows = [
    ['a', '1,000'],
    ['public.b', undefined],
  ];
  expect(table(['table', 'rows'], rows)).toBe(
    ['table      rows', '────────  ─────', 'a         1,000', 'public.b      –'].join('\n'),
  );
});

test('control characters of a cell are printed as escapes, and cells that lack are empty', () => {
  const rows = [['a\nb\u001b[2J', 'c'], ['d']];
  expect(table(['x', 'y'], rows).split('\n').slice(2)).toEqual(['a\\x0ab\\x1b[2J  c', 'd']);
});

test.each([
  ['数据', 4],
  ['e\u0301', 1],
  ['🇩🇪', 2],
  ['✅', 2],
  ['한글', 4],
  ['ｱ', 1],
  ['a\u200bb', 2],
  ['–…─', 3],
])('%s takes %d columns', (text, columns) => {
  expect(widthOf(text)).toBe(columns);
});

test('a table with wide characters is aligned as a terminal shows it', () => {
  const cells = [
    ['数据库', '1'],
    ['abc', '22'],
  ];
  const [, , ...rows] = table(['t', 'rows'], cells).split('\n');
  expect(rows).toEqual(['数据库     1', 'abc       22']);
});

const SETS: readonly Column[] = [
  { title: 'set' },
  { title: 'tables', drop: 2 },
  { title: 'tags', min: 6, drop: 1 },
];
const SET = [['20261129120000', '1,234', 'nightly, before the upgrade']];

test('a column that may be shortened is shortened before any column is left out', () => {
  expect(table(SETS, SET, narrow(40)).split('\n').at(-1)).toBe(
    '20261129120000   1,234  nightly, before…',
  );
});

test('columns are left out in the order of `drop`, and the table names them', () => {
  expect(table(SETS, SET, narrow(25)).split('\n')).toEqual([
    'set             tables',
    '──────────────  ──────',
    '20261129120000   1,234',
    'not shown in 25 columns:',
    'tags',
  ]);
  expect(table(SETS, SET, narrow(20))).toMatch(/tables,\stags$/);
});

test('a folded cell continues below itself', () => {
  const columns = ['where', { title: 'found', min: 10, cut: 'fold' as const }];
  expect(table(columns, [['content 0', 'the role cannot read']], narrow(24)).split('\n')).toEqual([
    'where      found',
    '─────────  ─────────────',
    'content 0  the role',
    '           cannot read',
  ]);
});

test.each([
  ['end', 'public…'],
  ['start', '…orders'],
  ['middle', 'pub…ers'],
] as const)('a text that is cut at its %s becomes %s', (cut, text) => {
  expect(shortened('public.orders', 7, cut)).toBe(text);
});

const anyRows = fc.array(
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.nat().map(String), fc.string({ unit: 'binary' })),
);

test('no line of a table is wider than its screen, and rows stay one line each', () => {
  const columns = ['name', { title: 'n', drop: 1 }, { title: 'text', min: 5, drop: 2 }];
  const wide = fc.property(anyRows, fc.integer({ min: 20, max: 200 }), (rows, width) => {
    const lines = table(columns, rows, narrow(width)).split('\n');
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
  });
  fc.assert(wide, { numRuns: 300 });
});

test('folding keeps every word', () => {
  const words = fc.property(
    fc.array(fc.stringMatching(/^[a-z]{1,9}$/)),
    fc.integer({ min: 9, max: 30 }),
    (list, width) => {
      const lines = folded(list.join(' '), width);
      expect(lines.join(' ').trim()).toBe(list.join(' '));
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width);
    },
  );
  fc.assert(words);
});

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [true, { FORCE_COLOR: '0' }, false],
  [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
])('on a terminal: %s, with %j, there are colours: %s', (isTerminal, env, isColoured) => {
  expect(paintFor(isTerminal, env) === coloured).toBe(isColoured);
});

test('colours do not move the columns', () => {
  const columns = ['', { title: 'n', align: 'right' as const }];
  const text = table(columns, [[{ text: 'BAD', tone: 'bad' }, '1']], {
    columns: 80,
    paint: coloured,
  });
  expect(text.split('\n').at(-1)).toBe('\u001b[31mBAD\u001b[39m  1');
});

test.each([
  [{ isTTY: true, columns: 120 }, {}, 120],
  [{ isTTY: true, columns: 500 }, {}, 200],
  [{ isTTY: true, columns: 0 }, {}, 80],
  [{ isTTY: true, columns: 120 }, { COLUMNS: '80' }, 80],
  [{}, {}, Number.POSITIVE_INFINITY],
  [{}, { COLUMNS: '90' }, 90],
  [{}, { COLUMNS: 'x' }, Number.POSITIVE_INFINITY],
])('the screen of %j with %j has %d columns', (stream, env, columns) => {
  expect(screenOf(stream, env).columns).toBe(columns);
});

test('a table of very many rows is printed', () => {
  const rows = Array.from({ length: 150_000 }, (_, at) => [String(at)]);
  expect(table(['row'], rows).split('\n')).toHaveLength(150_002);
});
