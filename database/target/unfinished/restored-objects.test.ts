import { expect, test } from 'vitest';
import type { ArchiveEntry } from '../../objects/choice/entries.ts';
import { withoutRestored } from './restored-objects.ts';

const entry = (
  id: number,
  kind: string,
  name: string,
  section: ArchiveEntry['section'] = 'post-data',
): ArchiveEntry => ({ id, kind, schema: 'public', name, section, dependsOn: [] });

const PRE_DATA = [entry(1, 'TABLE', 't', 'pre-data'), entry(2, 'COMMENT', 'TABLE t', 'none')];
const POST_DATA = [
  entry(3, 'CONSTRAINT', 't t_pkey'),
  entry(4, 'INDEX', 't_v'),
  entry(5, 'INDEX', 't v'),
  { ...entry(6, 'EVENT TRIGGER', 'e'), schema: '' },
  entry(7, 'COMMENT', 'INDEX t_v', 'none'),
];
const idsWithout = (...restored: string[]) =>
  withoutRestored([...PRE_DATA, ...POST_DATA], new Set(restored)).map(({ id }) => id);

test('the entries of objects that exist are left out, and all comments are kept', () => {
  const restored = ['CONSTRAINT public t t_pkey', 'INDEX public t_v', 'EVENT TRIGGER - e'];
  expect(idsWithout(...restored)).toEqual([5, 7]);
});

test('an entry is kept when only the beginning of its name is the name of an existing object', () => {
  expect(idsWithout('INDEX public t')).toEqual([3, 4, 5, 6, 7]);
});

test('entries of other sections, and the remarks on them, are left out', () => {
  expect(withoutRestored(PRE_DATA, new Set())).toEqual([]);
});
