import { expect, test } from 'vitest';
import { partsByLocks } from './lock-parts.ts';

const table = (id: number, locks = 3) => ({ id, kind: 'TABLE', locks });
const other = (id: number, kind: string) => ({ id, kind, locks: 0 });
const ids = (parts: readonly { id: number }[][]) => parts.map((part) => part.map(({ id }) => id));

test('entries stay in their order, and no part holds more locks than the bound', () => {
  const entries = [other(1, 'SCHEMA'), table(2), other(3, 'COMMENT'), table(4), table(5)];
  expect(ids(partsByLocks(entries, 6))).toEqual([[1, 2, 3, 4], [5]]);
});

test('an entry that alone holds more locks than the bound is a part of its own', () => {
  expect(ids(partsByLocks([table(1), table(2, 9), table(3)], 6))).toEqual([[1], [2], [3]]);
});

test('rights come after every other entry', () => {
  const entries = [table(1), other(2, 'ACL'), other(3, 'DEFAULT ACL'), table(4), table(5)];
  expect(ids(partsByLocks(entries, 6))).toEqual([
    [1, 4],
    [5, 2, 3],
  ]);
});

test('no entries make no part', () => {
  expect(partsByLocks([], 6)).toEqual([]);
});
