import { expect, test } from 'vitest';
import { fullTag, lastName } from './full-tag.ts';

test.each([
  ['DEFAULT', 'id', 'ALTER TABLE ONLY seqs."a b" ALTER COLUMN id SET DEFAULT 1;', 'a b id'],
  ['DEFAULT', 't id', 'ALTER TABLE ONLY s.t ALTER COLUMN id SET DEFAULT 1;', 't id'],
  [
    'CONSTRAINT',
    't_pkey',
    'ALTER TABLE ONLY t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);',
    't t_pkey',
  ],
  ['CHECK CONSTRAINT', 'c', 'ALTER DOMAIN s.d ADD CONSTRAINT c CHECK (VALUE > 0);', 'd c'],
  [
    'TRIGGER',
    'a ON b',
    'CREATE TRIGGER "a ON b" BEFORE INSERT ON views."w x" FOR EACH ROW',
    'w x a ON b',
  ],
  ['TRIGGER', 't x', 'ALTER TABLE s.t DISABLE TRIGGER x;', 't x'],
  ['INDEX', 'i', 'CREATE INDEX i ON t USING btree (a);', 'i'],
  ['CONSTRAINT', 'c', 'SELECT 1', 'c'],
])('the tag of a %s %j has the name of its table', (kind, tag, definition, expected) => {
  expect(fullTag(kind, tag, () => definition)).toBe(expected);
});

test('the last part of a qualified name is read without quotes and blanks', () => {
  expect(lastName('parts.sales ')).toBe('sales');
  expect(lastName('names."line\nbreak" ')).toBe('line\nbreak');
  expect(lastName('"a.b"')).toBe('a.b');
});
