import { expect, test } from 'vitest';
import { writesColumnStamps } from './column-stamps.ts';

test.each([
  ['15.20', '15.20', false],
  ['15.19', '15.20', true],
  ['15.18', '15.19', false],
  // Of May 2026, and a server of November.
  ['17.10', '15.20', true],
  ['17.12', '15.20', false],
  ['16.15', '14.25', true],
  ['18.6', '13.28', false],
  ['19.0', '15.20', false],
  ['17.10', '12.22', false],
])('pg_dump %s writes stamps of columns of a server %s: %s', (program, server, expected) => {
  expect(writesColumnStamps(program, server)).toBe(expected);
});
