import { expect, test } from 'vitest';
import { columnDifference, type TargetColumn } from './columns.ts';

const column = (name: string, type = 'integer', generated: string | null = null): TargetColumn => ({
  name,
  type,
  generated,
});
const RELATION = { columns: ['a', 'b'], types: ['integer', 'text'], generated: [] };
const EQUAL = [column('b', 'text'), column('a')];

test('columns are equal in any order', () => {
  expect(columnDifference(RELATION, EQUAL)).toBeUndefined();
});

test('a set without column types is not compared', () => {
  expect(columnDifference({ columns: ['a'] }, [column('z')])).toBeUndefined();
});

test('a generated column of the target is a difference only when the set knows generated columns', () => {
  const more = [...EQUAL, column('twice', 'integer', '(a * 2)')];
  expect(columnDifference(RELATION, more)).toBe('has column twice, which the set does not have');
  const { columns, types } = RELATION;
  expect(columnDifference({ columns, types }, more)).toBeUndefined();
});

test('a generated column that the target computes in the same way is not a difference', () => {
  const twice = { name: 'twice', type: 'integer', expression: '(a * 2)' };
  const relation = { ...RELATION, generated: [twice] };
  expect(columnDifference(relation, [...EQUAL, column('twice', 'integer', '(a * 2)')])).toBe(
    undefined,
  );
  expect(columnDifference(relation, EQUAL)).toContain('has no column twice');
});
