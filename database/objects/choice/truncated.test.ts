import { expect, test } from 'vitest';
import type { ArchiveObject } from '../expected.ts';
import { tablesWithParts } from './truncated.ts';

const object = (id: number, kind: string, name: string, ...dependsOn: number[]): ArchiveObject => ({
  id,
  kind,
  schema: 's',
  name,
  section: 'pre-data',
  dependsOn,
  inline: undefined,
  setsNull: false,
});

const OBJECTS = [
  object(1, 'TABLE', 'a'),
  object(2, 'TABLE', 'a b'),
  object(3, 'VIEW', 'v', 1),
  object(4, 'CONSTRAINT', 'a a_pkey', 1),
  object(5, 'FK CONSTRAINT', 'a to_b', 1, 2, 4),
  object(6, 'FK CONSTRAINT', 'a b to_a', 1, 2, 4),
  object(7, 'INDEX', 'a_i', 1),
  object(8, 'INDEX', 'b_i', 2),
  object(9, 'COMMENT', 'INDEX a_i', 7),
  object(10, 'ACL', 'TABLE a', 1),
  object(11, 'FUNCTION', 'f()'),
  object(12, 'TRIGGER', 'a t', 1, 11),
  object(13, 'RULE', 'v r', 3, 1),
];
const A = { schema: 's', name: 'a' };
const B = { schema: 's', name: 'a b' };
const names = (...args: [readonly (typeof A)[], (readonly (typeof A)[])?]) =>
  tablesWithParts(OBJECTS, ...args).map(({ kind, name }) => `${kind} ${name}`);

test('a whole restore with --truncate needs the loaded tables and their parts, also keys to other tables', () => {
  expect(names([A])).toEqual([
    'TABLE a',
    'CONSTRAINT a a_pkey',
    'FK CONSTRAINT a to_b',
    'INDEX a_i',
    'TRIGGER a t',
  ]);
});

test('a restore of chosen tables with --truncate needs no key to another table, no rights and no comments', () => {
  expect(names([A], [A])).toEqual(['TABLE a', 'CONSTRAINT a a_pkey', 'INDEX a_i', 'TRIGGER a t']);
  expect(names([A, B], [A, B])).toContain('FK CONSTRAINT a to_b');
});
