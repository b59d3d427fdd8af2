import { describe, expect, test } from 'vitest';
import { EVERYTHING, type Selection } from '../../../backup-set/base/selection.ts';
import { chooseEntries } from './choose.ts';
import { type ArchiveEntry, describeEntry } from './entries.ts';

const POST = ['CONSTRAINT', 'FK CONSTRAINT', 'INDEX', 'INDEX ATTACH', 'TRIGGER', 'STATISTICS'];
const entry = (id: number, kind: string, at: string, ...dependsOn: number[]): ArchiveEntry => {
  const [, schema = '', name = ''] = /^(?:([^.]*)\.)?(.*)$/.exec(at) ?? [];
  const isRemark = kind === 'ACL' || kind === 'COMMENT';
  const section = isRemark ? 'none' : POST.includes(kind) ? 'post-data' : 'pre-data';
  return { id, kind, schema, name, section, dependsOn };
};

/** Dependencies as pg_dump 15 writes them. */
const ENTRIES = [
  entry(1, 'SCHEMA', 'a'),
  entry(2, 'COMMENT', 'SCHEMA a', 1),
  entry(3, 'SCHEMA', 'b'),
  entry(4, 'EXTENSION', 'b.citext', 3),
  entry(5, 'TYPE', 'b.mood', 3),
  entry(6, 'FUNCTION', 'b.check(integer)', 3),
  entry(7, 'COMMENT', 'b.FUNCTION check(integer)', 6),
  entry(8, 'TABLE', 'b.customer', 3),
  entry(9, 'SEQUENCE', 'b.free', 3),
  entry(10, 'TABLE', 'a.t', 9, 6, 5, 4, 3, 1),
  entry(11, 'ACL', 'a.TABLE t', 10),
  entry(12, 'TABLE', 'a.t x', 1),
  entry(13, 'SEQUENCE', 'a.t_id_seq', 10, 1),
  entry(14, 'SEQUENCE OWNED BY', 'a.t_id_seq', 13),
  entry(15, 'VIEW', 'a.v', 10, 1),
  entry(16, 'COMMENT', 'a.VIEW v', 15),
  entry(17, 'VIEW', 'b.wide', 10, 8, 3),
  entry(18, 'MATERIALIZED VIEW', 'a.m', 15, 1),
  entry(19, 'FUNCTION', 'a.of()', 1),
  entry(20, 'DEFAULT', 'a.t id', 10, 13),
  entry(21, 'TABLE', 'b.child', 3),
  entry(30, 'CONSTRAINT', 'a.t t_pkey', 10),
  entry(31, 'CONSTRAINT', 'b.customer customer_pkey', 8),
  entry(32, 'INDEX', 'a.i', 10, 6),
  entry(33, 'COMMENT', 'a.INDEX i', 32),
  entry(34, 'INDEX', 'a.m_i', 18),
  entry(35, 'TRIGGER', 'a.t tr', 10, 6),
  entry(36, 'FK CONSTRAINT', 'a.t to_customer', 31, 10, 8),
  entry(37, 'FK CONSTRAINT', 'b.child to_t', 30, 21, 10),
  entry(38, 'PUBLICATION', 'p'),
  entry(39, 'PUBLICATION TABLE', 'a.p t', 10, 38),
  entry(40, 'EVENT TRIGGER', 'e', 19),
];
const PARTED = [
  entry(1, 'TABLE', 'a.root'),
  entry(2, 'TABLE', 'a.leaf', 1),
  entry(3, 'TABLE', 'a.middle', 1),
  entry(4, 'TABLE', 'b.deep', 3),
  entry(5, 'TABLE ATTACH', 'a.leaf', 2, 1),
  entry(6, 'TABLE ATTACH', 'a.middle', 3, 1),
  entry(7, 'TABLE ATTACH', 'b.deep', 4, 3),
  entry(8, 'CONSTRAINT', 'a.root root_pkey', 1),
  entry(9, 'CONSTRAINT', 'a.leaf leaf_pkey', 2, 8),
  entry(10, 'INDEX', 'a.leaf_own', 2),
  entry(11, 'INDEX ATTACH', 'a.leaf_pkey', 9, 2, 8, 1),
];

function choose(
  tables: readonly string[],
  selection?: Partial<Selection>,
  inTarget: readonly number[] = [],
  entries: readonly ArchiveEntry[] = ENTRIES,
) {
  const only = tables.map((at) => {
    const [schema = '', name = ''] = at.split('.');
    return { schema, name };
  });
  const wanted = { only, selection: selection && { ...EVERYTHING, ...selection } };
  const choice = chooseEntries(entries, wanted, ({ id }) => inTarget.includes(id));
  const ids = (list: readonly ArchiveEntry[]) => list.map(({ id }) => id);
  return {
    made: ids(choice.made),
    tried: ids(choice.tried),
    brought: ids(choice.brought),
    kept: ids(choice.kept),
    withoutRows: ids(choice.withoutRows),
    leftOut: choice.leftOut.map(({ entry: each, reason }) => `${describeEntry(each)}: ${reason}`),
  };
}

/** The dropped table `a.t`, in a target that has everything that does not depend on it. */
const DROPPED = [1, 3, 4, 5, 6, 8, 9, 12, 19, 21, 31, 38, 40];
const T_WITH_NEEDS = [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 20, 30, 32, 33, 35];

describe('a chosen table', () => {
  test('brings what it needs and its parts into a new database, with remarks on both', () => {
    const { made, kept } = choose(['a.t'], { includeTables: ['a.t'] });
    expect(made).toEqual(T_WITH_NEEDS);
    expect(kept).toEqual([]);
  });
  test('of which only the name begins like that of another brings nothing of the other', () => {
    expect(choose(['a.t x'], { includeTables: ['a."t x"'] }).made).toEqual([1, 2, 12]);
  });
  test('without a foreign key names the table that the key needs', () => {
    expect(choose(['a.t'], { includeTables: ['a.t'] }).leftOut).toEqual([
      'FK CONSTRAINT a.t to_customer: it needs TABLE b.customer, which is neither selected nor in the target',
    ]);
    const excluded = { includeTables: ['a.t'], excludeTables: ['b.customer'] };
    expect(choose(['a.t'], excluded).leftOut[0]).toContain('which the selection excludes');
  });
  test('does not make again what the target has', () => {
    const { made } = choose(['a.t'], { includeTables: ['a.t'] }, DROPPED);
    expect(made).toEqual([10, 11, 13, 14, 20, 30, 32, 33, 35]);
  });
  test('that was dropped brings back foreign keys of both directions, views and publications', () => {
    const { tried, brought, leftOut } = choose(['a.t'], { includeTables: ['a.t'] }, DROPPED);
    expect(tried).toEqual([15, 16, 17, 18, 34, 36, 37, 39]);
    expect(brought).toEqual([15, 17, 18, 34, 37, 39]);
    expect(leftOut).toEqual([]);
  });
  test('does not bring back what needs another absent object, or what is excluded', () => {
    const lacking = DROPPED.filter((id) => id !== 8 && id !== 31 && id !== 21);
    expect(choose(['a.t'], { includeTables: ['a.t'] }, lacking).tried).toEqual([
      15, 16, 18, 34, 39,
    ]);
    const excluded = { includeTables: ['a.t'], excludeTables: ['a.v'] };
    expect(choose(['a.t'], excluded, DROPPED).tried).toEqual([17, 36, 37, 39]);
  });
  test('of an order by an earlier program brings the same', () => {
    expect(choose(['a.t']).made).toEqual(T_WITH_NEEDS);
  });
});

describe('a chosen schema', () => {
  const A = { includeSchemas: ['a'] };
  const TABLES = ['a.t', 'a.t x'];
  test('brings all of its objects, and what they need of others', () => {
    const { made, tried, leftOut } = choose(TABLES, A);
    expect(made).toEqual([...T_WITH_NEEDS, 12, 15, 16, 18, 19, 34].toSorted((a, b) => a - b));
    expect(tried).toEqual([]);
    expect(leftOut).toHaveLength(1);
  });
  test('leaves an excluded table out with its parts, and names what needs it', () => {
    const { made, leftOut } = choose(['a.t x'], { ...A, excludeTables: ['a.t'] });
    expect(made).toEqual([1, 2, 12, 19]);
    expect(leftOut).toEqual([
      'VIEW a.v: it needs TABLE a.t, which the selection excludes',
      'MATERIALIZED VIEW a.m: it needs TABLE a.t, which the selection excludes',
      'INDEX a.m_i: it needs TABLE a.t, which the selection excludes',
    ]);
  });
  test('keeps what the target has, without the remarks of the set', () => {
    const { made, kept } = choose(TABLES, A, [1, 3, 4, 5, 6, 9, 15, 19]);
    expect(kept).toEqual([1, 15, 19]);
    expect(made).not.toContain(2);
    expect(made).not.toContain(16);
    expect(made).toContain(18);
  });
  test('brings the extensions that are installed in it', () => {
    const { made } = choose(['b.customer', 'b.child'], { includeSchemas: ['b'] });
    expect(made).toEqual([3, 4, 5, 6, 7, 8, 9, 21, 31]);
  });
});

test('a selection that only excludes brings everything else, also what is in no schema', () => {
  const only = ['a.t', 'a.t x', 'b.child'];
  const { made, leftOut } = choose(only, { excludeTables: ['b.customer'] });
  const excluded = [8, 17, 31, 36];
  expect(made).toEqual(ENTRIES.map(({ id }) => id).filter((id) => !excluded.includes(id)));
  expect(leftOut.map((text) => text.split(':')[0])).toEqual([
    'VIEW b.wide',
    'FK CONSTRAINT a.t to_customer',
  ]);
});

describe('a partition', () => {
  test('comes with its root, which is not said to lack rows', () => {
    const { made, withoutRows } = choose(['a.leaf'], { includeTables: ['a.leaf'] }, [], PARTED);
    expect(made).toEqual([1, 2, 5, 8, 9, 10, 11]);
    expect(withoutRows).toEqual([]);
  });
  test('of any level comes by the name of the root', () => {
    const { made } = choose(['a.leaf'], { includeTables: ['a.root'] }, [], PARTED);
    expect(made).toEqual(PARTED.map(({ id }) => id));
  });
  test('whose root is in the target gets the indexes of the root when it is attached', () => {
    const inTarget = [1, 3, 4, 6, 7, 8];
    const { made, leftOut } = choose(['a.leaf'], { includeTables: ['a.leaf'] }, inTarget, PARTED);
    expect(made).toEqual([2, 5, 10]);
    expect(leftOut).toEqual([]);
  });
});

test('a parent that only lends its definition is named as made without rows', () => {
  const entries = [entry(1, 'TABLE', 'b.parent'), entry(2, 'TABLE', 'a.t', 1)];
  const { made, withoutRows } = choose(['a.t'], { includeTables: ['a.t'] }, [], entries);
  expect(made).toEqual([1, 2]);
  expect(withoutRows).toEqual([1]);
});

test('a sequence that another table owns is made without that table', () => {
  const entries = [
    entry(1, 'TABLE', 'a.owner'),
    entry(2, 'SEQUENCE', 'a.s', 1),
    entry(3, 'TABLE', 'a.t', 2),
    entry(4, 'SEQUENCE OWNED BY', 'a.s', 2),
  ];
  expect(choose(['a.t'], { includeTables: ['a.t'] }, [], entries).made).toEqual([2, 3]);
});

test('views that need each other many times over are resolved in time that does not explode', () => {
  const views = Array.from({ length: 40 }, (_, at) =>
    entry(at + 2, 'VIEW', `b.v${at}`, ...Array.from({ length: at + 1 }, (__, of) => of + 1)),
  );
  const all = [...[entry(1, 'TABLE', 'b.t')], ...views, entry(99, 'VIEW', 'a.v', 41)];
  expect(choose([], { includeSchemas: ['a'] }, [1], all.toReversed()).made).toHaveLength(41);
});
