import { expect, test } from 'vitest';
import { count, plural } from './words.ts';

test('count separates thousands', () => {
  expect([0, 999, 1_000, 1_234_567].map(count)).toEqual(['0', '999', '1,000', '1,234,567']);
});

test('plural uses the singular for one only', () => {
  expect([0, 1, 2, 1_000].map((value) => plural(value, 'row'))).toEqual([
    '0 rows',
    '1 row',
    '2 rows',
    '1,000 rows',
  ]);
});

test('plural uses the plural that it was given', () => {
  expect(plural(1, 'index', 'indices')).toBe('1 index');
  expect(plural(3, 'index', 'indices')).toBe('3 indices');
});
