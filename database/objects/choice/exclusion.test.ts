import { expect, test } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { TocEntry } from '../toc.ts';
import { chooseEntries } from './choose.ts';
import { archiveEntry } from './entries.ts';
import { extensionsOfExclusion } from './exclusion.ts';

const add = (text: string) => `ALTER TABLE ONLY a.t\n    ADD CONSTRAINT x ${text};\n`;
const WITH_GIST = add('EXCLUDE USING gist (id WITH =, during WITH &&)');

test.each([
  [WITH_GIST, ['btree_gist']],
  [add('EXCLUDE USING gist (during WITH &&, id WITH <>) WHERE ((id > 3))'), ['btree_gist']],
  [
    add('EXCLUDE USING gist (a b.gist__int_ops WITH OPERATOR(b.&&), id WITH =)'),
    ['btree_gist', 'intarray'],
  ],
  [add("EXCLUDE USING gist (s b.gist_trgm_ops (siglen='8') WITH OPERATOR(b.%))"), ['pg_trgm']],
  [add('EXCLUDE USING gist (during WITH &&, place WITH ~=)'), []],
  [add('EXCLUDE USING btree (id WITH =)'), []],
  [add('PRIMARY KEY (id)'), []],
])('an exclusion constraint needs the extensions of its operator classes: %j', (text, names) => {
  expect(extensionsOfExclusion('CONSTRAINT', () => text)).toEqual(names);
  expect(extensionsOfExclusion('INDEX', () => text)).toEqual([]);
});

const entry = (id: number, kind: string, schema: string, name: string, ...dependsOn: number[]) =>
  archiveEntry({
    ...{ id, kind, schema, name, dependsOn, owner: '', tablespace: '', accessMethod: '' },
    section: kind === 'CONSTRAINT' ? 'post-data' : 'pre-data',
    definition: () => (kind === 'CONSTRAINT' ? WITH_GIST : ''),
  } satisfies TocEntry);

const ENTRIES = [
  entry(1, 'EXTENSION', '', 'btree_gist'),
  entry(2, 'EXTENSION', '', 'citext'),
  entry(3, 'TABLE', 'a', 't'),
  entry(4, 'CONSTRAINT', 'a', 't x', 3),
];
const wanted = {
  only: [{ schema: 'a', name: 't' }],
  selection: { ...EVERYTHING, includeSchemas: ['a'] },
};

test('a chosen table with an exclusion constraint brings the extension that the constraint needs', () => {
  const choose = (entries: typeof ENTRIES, inTarget: readonly number[] = []) => {
    const { made, leftOut } = chooseEntries(entries, wanted, ({ id }) => inTarget.includes(id));
    return [made.map(({ id }) => id), leftOut];
  };
  expect(choose(ENTRIES)).toEqual([[1, 3, 4], []]);
  expect(choose(ENTRIES, [1])).toEqual([[3, 4], []]);
  expect(choose(ENTRIES.slice(1))).toEqual([[3, 4], []]);
});
