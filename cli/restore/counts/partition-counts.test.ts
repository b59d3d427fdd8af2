import { expect, it } from 'vitest';
import type { ExpectedRelation } from '../expected.ts';
import { partitionCounts } from './partition-counts.ts';

const root = (name: string) => ({ schema: 'public', name });
const expected = (name: string, rows: number, partitionRoot?: { schema: string; name: string }) =>
  ({
    target: { schema: 'public', name },
    relation: { schema: 'public', name, ...(partitionRoot && { partitionRoot }) },
    rows,
    bytes: 0,
  }) as ExpectedRelation;

function namesOf(counted: readonly (readonly [ExpectedRelation, number])[]): string[] {
  const counts = partitionCounts();
  for (const [relation, rows] of counted) counts.add(relation, rows);
  return counts.problems(0).map(({ relation }) => relation?.name ?? '');
}

it('partitions may hold rows of each other while their tree has all rows', () => {
  const [a, b] = [expected('a', 10, root('r')), expected('b', 10, root('r'))];
  expect(
    namesOf([
      [a, 15],
      [b, 5],
    ]),
  ).toEqual([]);
});

it('every differing partition of a tree that lacks or has too many rows is a problem', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => expected(name, 10, root('r')));
  if (a === undefined || b === undefined || c === undefined) throw new Error();
  expect(
    namesOf([
      [a, 15],
      [b, 4],
      [c, 10],
    ]),
  ).toEqual(['a', 'b']);
  expect(namesOf([[a, 11]])).toEqual(['a']);
});

it('rows of one tree or table do not make up for those of another', () => {
  expect(
    namesOf([
      [expected('a', 10, root('r')), 11],
      [expected('b', 10, root('s')), 9],
    ]),
  ).toEqual(['a', 'b']);
  expect(
    namesOf([
      [expected('a', 10), 11],
      [expected('b', 10), 9],
    ]),
  ).toEqual(['a', 'b']);
});
