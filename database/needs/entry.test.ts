import { describe, expect, test } from 'vitest';
import type { TocEntry } from '../objects/toc.ts';
import { needsOf } from './entry.ts';

function needs(kind: string, definition: string, more: Partial<TocEntry> = {}) {
  return needsOf({
    id: 1,
    kind,
    schema: 'public',
    name: 't',
    section: 'pre-data',
    owner: 'app',
    tablespace: '',
    accessMethod: '',
    dependsOn: [],
    definition: () => definition,
    ...more,
  });
}

describe('the roles that an entry needs', () => {
  test.each([
    ['GRANT SELECT ON TABLE public.t TO reader;', ['reader']],
    ['GRANT ALL ON TABLE public.t TO "Odd ""Reader"" TO" WITH GRANT OPTION;', ['Odd "Reader" TO']],
    ['REVOKE ALL ON SCHEMA public FROM PUBLIC;\nGRANT USAGE ON SCHEMA public TO PUBLIC;', []],
    ['GRANT SELECT("from",b) ON TABLE public.t TO GROUP team;', ['team']],
    [
      'SET SESSION AUTHORIZATION boss;\nGRANT SELECT ON TABLE t TO reader;\nRESET SESSION AUTHORIZATION;',
      ['boss', 'reader'],
    ],
    ['GRANT ALL ON FUNCTION s.f(a integer[], "to" text) TO reader;', ['reader']],
  ])('are those of its rights: %s', (definition, grantees) => {
    expect(needs('ACL', definition)).toMatchObject({ grantees, members: [], owner: '' });
  });

  test('are those of default rights', () => {
    const definition =
      'ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA s GRANT SELECT ON TABLES TO reader;';
    expect(needs('DEFAULT ACL', definition).grantees).toEqual(['app', 'reader']);
  });

  test('are those of a policy, and not what its expressions name', () => {
    const definition =
      'CREATE POLICY p ON public.t FOR SELECT TO one, "Two" USING ((u = CURRENT_USER) OR (x = \'TO y\'));';
    expect(needs('POLICY', definition)).toMatchObject({ members: ['one', 'Two'], grantees: [] });
    const all = 'CREATE POLICY p ON public.t USING ((extract(epoch FROM a) > 1));';
    expect(needs('POLICY', all).members).toEqual([]);
  });

  test.each([
    ['CREATE USER MAPPING FOR "Bob" SERVER s;', ['Bob']],
    ['CREATE USER MAPPING FOR public SERVER s;', []],
  ])('are those of a user mapping: %s', (definition, members) => {
    expect(needs('USER MAPPING', definition).members).toEqual(members);
  });

  test('are its owner only where pg_restore sets an owner', () => {
    expect(needs('TABLE', 'CREATE TABLE t ();').owner).toBe('app');
    expect(needs('INDEX', 'CREATE INDEX i ON t (a);').owner).toBe('');
    expect(needs('TABLE DATA', '', { section: 'data' }).owner).toBe('');
    expect(needs('BLOB', "SELECT lo_create('1');", { section: 'data' }).owner).toBe('app');
  });
});

test('an entry needs its extension, language, tablespace and access method', () => {
  expect(needs('EXTENSION', '', { name: 'hstore' }).extension).toBe('hstore');
  expect(needs('PROCEDURAL LANGUAGE', '', { name: 'plperl' }).language).toBe('plperl');
  expect(needs('ACCESS METHOD', '', { name: 'own' }).brings).toBe('own');
  const table = needs('TABLE', '', { tablespace: 'fast', accessMethod: 'columnar' });
  expect(table).toMatchObject({ tablespace: 'fast', accessMethod: 'columnar' });
  expect(needs('TABLE', '', { accessMethod: 'heap' }).accessMethod).toBe('');
});

test.each([
  [
    'TABLE',
    'CREATE TABLE t (\n    a integer,\n    b numeric(12,2),\n    c character varying(9)\n);',
    1,
  ],
  ['TABLE', 'CREATE TABLE t (\n    a text\n);', 3],
  ['TABLE', 'CREATE TABLE t (\n    a integer[]\n);', 3],
  ['TABLE', 'CREATE TABLE t (\n    a character varying\n);', 3],
  ['SEQUENCE', 'CREATE SEQUENCE s;', 1],
  ['FUNCTION', 'CREATE FUNCTION f() RETURNS text;', 0],
])('the creation of a %s takes locks until the transaction ends: %s', (kind, definition, locks) => {
  expect(needs(kind, definition).locks).toBe(locks);
});
