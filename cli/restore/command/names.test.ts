import { expect, test } from 'vitest';
import { chosenFrom } from './names.ts';

test.each([
  [{ as: 'a.b' }, 'fill', '--as needs --table'],
  [{ table: 'a.b' }, 'fill', '--table needs --as'],
  [{ table: 'a.b', as: 'c' }, 'fill', '--as takes one table'],
  [{ table: 'a.*', as: 'a.c' }, 'fill', '--table takes one table'],
  [{ table: 'a.b', as: 'a.c', includeSchema: ['a'] }, 'fill', '--table chooses one table'],
  [
    { table: 'a.b', as: 'a.c', intoSchema: 'd' },
    'fill',
    '--into-schema cannot be used with --table',
  ],
  [{ intoSchema: 'pg_x' }, 'fill', 'PostgreSQL reserves'],
  [{ intoSchema: 'x', onError: 'continue' }, 'fill', 'leave out --on-error'],
  [{ intoSchema: 'x' }, 'truncate', '--into-schema makes a copy'],
  [{ table: 'a.b', as: 'a.c' }, 'truncate', '--as makes a copy'],
] as const)('%j with mode %s are refused: %s', (flags, mode, message) => {
  expect(() => chosenFrom(flags, mode)).toThrow(message);
});

test('--table chooses exactly one table, and --as names it', () => {
  const flags = { table: '"a.b"."c ""d"', as: 'Sales.orders_0300' };
  const { selection, into } = chosenFrom(flags, 'fill');
  expect(selection.includeTables).toEqual(['"a.b"."c ""d"']);
  expect(into).toEqual({ table: { schema: 'Sales', name: 'orders_0300' } });
});
