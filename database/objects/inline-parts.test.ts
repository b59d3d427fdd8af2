import { expect, test } from 'vitest';
import { identifier, inlineParts } from './inline-parts.ts';

test('defaults, NOT NULL and CHECK constraints are read from the text of a table', () => {
  const parts = inlineParts(`CREATE TABLE public."t (x)" (
    id integer NOT NULL,
    "a, ""b" character varying(3) DEFAULT 'x, NOT NULL ('::character varying NOT NULL,
    plain text COLLATE "NOT NULL",
    "DEFAULT" integer,
    twice numeric(12,2) GENERATED ALWAYS AS ((id * 2)) STORED,
    escaped text DEFAULT E'\\'(,NOT NULL'::text,
    list integer[] DEFAULT ARRAY[1, 2],
    removed integer DEFAULT NULL,
    CONSTRAINT "a check" CHECK (((id > 0) AND (id IS NOT NULL))),
    CONSTRAINT named UNIQUE (id)
)
PARTITION BY RANGE (id);
ALTER TABLE ONLY public.t ALTER COLUMN other SET NOT NULL;`);
  expect(parts).toEqual({
    defaults: ['a, "b', 'twice', 'escaped', 'list'],
    notNull: ['id', 'a, "b'],
    checks: ['a check'],
  });
});

test("Greenplum's column encodings are not read as columns", () => {
  const parts = inlineParts(`CREATE TABLE t (
    a integer DEFAULT 1 NOT NULL ENCODING (compresstype=none,blocksize=32768),
    COLUMN a ENCODING (compresstype=zlib),
    DEFAULT COLUMN ENCODING (compresslevel=1)
) WITH (appendonly='true') DISTRIBUTED BY (a);`);
  expect(parts).toEqual({ defaults: ['a'], notNull: ['a'], checks: [] });
});

test.each([
  ['CREATE TABLE t;'],
  ['CREATE TABLE t (\n);'],
  ['CREATE TABLE t ("a'],
  [`CREATE TABLE t (a text DEFAULT '`],
  [''],
])('a text with no columns or a missing end gives no parts that it does not have: %s', (text) => {
  const { notNull, checks } = inlineParts(text);
  expect({ notNull, checks }).toEqual({ notNull: [], checks: [] });
});

test('an identifier is read with and without quotes', () => {
  expect(identifier('"a ""b""" ON t')).toEqual(['a "b"', 'ON t']);
  expect(identifier('ab ON t')).toEqual(['ab', 'ON t']);
});
