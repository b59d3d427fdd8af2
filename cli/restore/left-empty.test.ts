import { expect, test } from 'vitest';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import type { Context } from '../context.ts';
import { leftEmpty, noteLeftEmpty } from './left-empty.ts';

const CHOSEN = { ...EVERYTHING, includeTables: ['s.a'] };
const notShipped = [
  { schema: 's', name: 'b', kind: 'table', reason: 'excluded' },
  { schema: 's', name: 'u', kind: 'table', reason: 'unlogged' },
  { schema: 's', name: 'v', kind: 'materialized-view', reason: 'materialized-view' },
  { schema: 's', name: 'p', kind: 'partitioned-table', reason: 'partitioned-root' },
];

test.each([
  ['of the whole set with --create', 'create', EVERYTHING, ['b', 'u']],
  ['of the whole set into existing databases', 'fill', EVERYTHING, ['b', 'u']],
  ['with --truncate', 'truncate', EVERYTHING, []],
  ['of chosen tables of the set', 'create', CHOSEN, []],
] as const)(
  'a restore %s of a set of chosen tables leaves the right tables empty',
  (_, mode, selection, names) => {
    const tables = leftEmpty({ mode, selection }, { selection: CHOSEN, notShipped });
    expect(tables.map(({ name }) => name)).toEqual(names);
  },
);

test('a restore of a set without a selection is said to leave nothing empty', () => {
  const request = { mode: 'create', selection: EVERYTHING } as const;
  expect(leftEmpty(request, { selection: EVERYTHING, notShipped })).toEqual([]);
});

test('many empty tables are named in part in the text, and all in the event', () => {
  const notes: unknown[][] = [];
  const output = { note: (...note: unknown[]) => notes.push(note) };
  const tables = Array.from({ length: 11 }, (_, at) => ({ schema: 's', name: `t${at}` }));
  noteLeftEmpty({ output } as unknown as Context, tables);
  noteLeftEmpty({ output } as unknown as Context, []);
  expect(notes).toEqual([
    [
      'left-empty',
      { relations: 11, names: tables },
      expect.stringMatching(/creates 11 tables without rows: s\.t0, .* s\.t7 and 3 more\. /),
    ],
  ]);
});
