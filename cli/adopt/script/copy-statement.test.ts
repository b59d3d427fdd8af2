import { expect, test } from 'vitest';
import { parseCopy, searchPath } from './copy-statement.ts';

test.each([
  ['COPY t (a) FROM stdin;', { table: 't', columns: ['a'], oids: false }],
  ['COPY t (a, "b, c") FROM stdin;', { table: 't', columns: ['a', 'b, c'], oids: false }],
  ['COPY "a;""b" ("x""y") WITH OIDS FROM stdin;', { table: 'a;"b', columns: ['x"y'], oids: true }],
  ['COPY nocols  FROM stdin;', { table: 'nocols', columns: [], oids: false }],
  ['COPY nocols  WITH OIDS FROM stdin;', { table: 'nocols', columns: [], oids: true }],
])('%s is read', (text, parsed) => {
  expect(parseCopy(text)).toEqual(parsed);
});

test.each(['COPY t TO stdout;', 'COPY a.t (a) FROM stdin;', "COPY t (a) FROM '/etc/passwd';"])(
  '%s is not a COPY of pg_dump',
  (text) => {
    expect(() => parseCopy(text)).toThrow('is not a COPY of pg_dump');
  },
);

test('the first schema of a search_path is that of the tables', () => {
  expect(searchPath('SET search_path = "a;""b", pg_catalog;')).toBe('a;"b');
  expect(searchPath('SET search_path = hr, pg_catalog;')).toBe('hr');
  expect(searchPath("SET client_encoding = 'UTF8';")).toBeUndefined();
});
