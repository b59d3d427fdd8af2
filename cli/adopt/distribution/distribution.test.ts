import { expect, test } from 'vitest';
import { scriptDependencies } from '../pgdump/script/dependencies.ts';
import { beginObject } from '../pgdump/script/objects.ts';
import { distributionBy, type Rule } from './distribution.ts';
import { parsePolicies } from './policy-file.ts';

const object = (kind: string, tag: string, ...statements: string[]) => ({
  ...beginObject({ isData: false, kind, tag, schema: 's', owner: '', tablespace: '' }, false),
  statements,
});

const FACTS = {
  encoding: 'UTF8',
  objects: scriptDependencies([
    object(
      'TABLE',
      'a',
      'CREATE TABLE s.a (\n    doc json,\n    id integer NOT NULL,\n    "K" text\n);',
    ),
    object('TABLE', 'child', 'CREATE TABLE s.child (\n    more text\n)\nINHERITS (s.a);'),
    object('TABLE', 'p', 'CREATE TABLE s.p (\n    at date\n)\nPARTITION BY RANGE (at);'),
    object('TABLE ATTACH', 'p_1', 'ALTER TABLE ONLY s.p ATTACH PARTITION s.a FOR VALUES IN (1);'),
    object('SEQUENCE', 'q', 'CREATE SEQUENCE s.q\n    AS integer\n    START WITH 1;'),
    object(
      'SEQUENCE',
      'i',
      'ALTER TABLE s.a ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME s.i\n    START WITH 1\n    CACHE 1\n);',
    ),
    object(
      'CONSTRAINT',
      'a a_pkey',
      'ALTER TABLE ONLY s.a\n    ADD CONSTRAINT a_pkey PRIMARY KEY (id);',
    ),
    object('CONSTRAINT', 'a a_key', 'ALTER TABLE ONLY s.a\n    ADD CONSTRAINT a_key UNIQUE ("K");'),
    object('INDEX', 'both', 'CREATE UNIQUE INDEX both ON s.a USING btree (id, "K");'),
    object('INDEX', 'lower', 'CREATE UNIQUE INDEX lower ON s.a USING btree (lower("K"));'),
  ]),
};

function distributed(rule: Rule, file = '') {
  const distribution = distributionBy(parsePolicies(file, 'file'), rule);
  const objects = distribution.objects(FACTS);
  const clause = (tag: string) =>
    / DISTRIBUTED .*;$/.exec(objects.find((one) => one.tag === tag)?.statements[0] ?? '')?.[0];
  const lost = distribution.leftOut(FACTS).map(({ kind, name }) => `${kind} ${name}`);
  return { objects, clause, lost };
}

test('a table is distributed by its primary key, and its children as it is', () => {
  const { clause, lost } = distributed('primary-key');
  expect(clause('a')).toBe(' DISTRIBUTED BY ("id");');
  expect(clause('child')).toBe(clause('a'));
  expect(lost).toEqual([
    'partitioning s.p',
    'table attach s.p_1',
    'identity s.i',
    'constraint s.a a_key',
    'index s.lower',
  ]);
});

test('a column whose type has no hash function is passed over, and no unique key fits rows at random', () => {
  expect(distributed('first-column').clause('a')).toBe(' DISTRIBUTED BY ("id");');
  const { clause, lost } = distributed('random');
  expect(clause('a')).toBe(' DISTRIBUTED RANDOMLY;');
  expect(lost).toContain('constraint s.a a_pkey');
  expect(lost).toContain('index s.both');
});

test('the file goes before the rule', () => {
  const { clause, lost } = distributed('random', '# a comment\ns.a distributed by ("K", id);\n');
  expect(clause('a')).toBe(' DISTRIBUTED BY ("K", "id");');
  expect(lost).not.toContain('index s.both');
  expect(lost).toContain('constraint s.a a_pkey');
  expect(distributed('random', 's.a DISTRIBUTED REPLICATED').lost).not.toContain(
    'constraint s.a a_pkey',
  );
});

test('sequences, identities and partitioned tables are written as Greenplum 6 reads them', () => {
  const { objects } = distributed('primary-key');
  const text = (tag: string) => objects.find((one) => one.tag === tag)?.statements[0];
  expect(text('q')).toBe('CREATE SEQUENCE s.q\n    START WITH 1;');
  expect(text('i')).toBe(
    "CREATE SEQUENCE s.i\n    START WITH 1\n    CACHE 1;\nALTER SEQUENCE s.i OWNED BY s.a.id;\nALTER TABLE ONLY s.a ALTER COLUMN id SET DEFAULT nextval('s.i'::regclass);",
  );
  expect(text('p')).toBe('CREATE TABLE s.p (\n    at date\n) DISTRIBUTED BY ("at");');
});

test.each([
  ['s.other DISTRIBUTED RANDOMLY', 'line 1 of --distributed-by names s.other'],
  ['\ns.a DISTRIBUTED BY (lost)', 'line 2 of --distributed-by distributes s.a by lost'],
])('%j is refused', (file, message) => {
  const distribution = distributionBy(parsePolicies(file, 'file'), 'random');
  expect(() => distribution.judge([FACTS])).toThrow(message);
});

test('a line that Greenplum would not write is refused', () => {
  expect(() => parsePolicies('s.a (id)', 'dist.txt')).toThrow('line 1 of dist.txt is not');
});
