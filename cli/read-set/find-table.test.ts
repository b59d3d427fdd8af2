import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Manifest, ManifestRelation } from '../../backup-set/documents/manifest.ts';
import { qualifiedName } from '../../backup-set/testing/names.ts';
import { findTable } from './find-table.ts';
import { tableNameFrom, writtenName } from './table-name.ts';

const relation = (id: number, schema: string, name: string, more = {}) =>
  ({ id, schema, name, columns: ['a'], ...more }) as ManifestRelation;

const manifest = {
  timestamp: '20260101000000',
  relations: [
    relation(0, 'public', 'orders'),
    relation(1, 'old', 'orders'),
    relation(2, 'public', 'Sale'),
    relation(3, 'parts', 'event_1', { partitionRoot: { schema: 'parts', name: 'event' } }),
    relation(4, 'parts', 'event_2', { partitionRoot: { schema: 'parts', name: 'event' } }),
    relation(5, 'public', 'skewed', { columns: ['a', 'b'] }),
    relation(6, 'public', 'skewed', { columns: ['b', 'a'] }),
  ],
  notShipped: [{ schema: 'public', name: 'far', kind: 'foreign-table', reason: 'foreign' }],
} as unknown as Manifest;

const idsOf = (text: string) =>
  findTable(manifest, tableNameFrom(text)).relations.map(({ id }) => id);

describe('a table name', () => {
  it('is read back as it was written, whatever characters it has', () => {
    fc.assert(
      fc.property(qualifiedName, ({ schema, name }) => {
        expect(tableNameFrom(writtenName({ schema, name }))).toEqual({ schema, name });
      }),
    );
  });

  it.each(['', '.', 'a.', '.a', 'a.b.c', '"a', 'a"b', '"a"b', 'a..b', '"a".'])(
    '%j is refused',
    (text) => {
      expect(() => tableNameFrom(text)).toThrow(/does not name a table/);
    },
  );
});

describe('a table of a set', () => {
  it('is found by schema and name, or by a name that one schema has', () => {
    expect(idsOf('old.orders')).toEqual([1]);
    expect(idsOf('Sale')).toEqual([2]);
    expect(idsOf('"public"."Sale"')).toEqual([2]);
  });

  it('stands for all leaves when it is the root of a partitioned table', () => {
    expect(idsOf('parts.event')).toEqual([3, 4]);
    expect(findTable(manifest, tableNameFrom('event')).isRoot).toBe(true);
    expect(idsOf('parts.event_2')).toEqual([4]);
  });

  it('may lack, as a root, tables whose rows the set leaves out, and as a leaf none', () => {
    const lackedBy = (text: string) => findTable(manifest, tableNameFrom(text)).mayLack;
    expect(lackedBy('parts.event')).toMatchObject([{ schema: 'public', name: 'far' }]);
    expect(lackedBy('parts.event_2')).toEqual([]);
  });

  it('lacks, as a root, only its own partitions where the set says whose they are', () => {
    const left = (name: string, partitionRoot: object | null, reason = 'excluded') => ({
      ...{ schema: 'parts', name, kind: 'table', reason, partitionRoot },
    });
    const notShipped = [
      left('event_3', { schema: 'parts', name: 'event' }),
      left('event_4', { schema: 'parts', name: 'event' }, 'foreign'),
      left('event', null, 'partitioned-root'),
      left('event_sub', { schema: 'parts', name: 'event' }, 'partitioned-root'),
      left('other_1', { schema: 'parts', name: 'other' }),
      left('event_5', { schema: 'old', name: 'event' }),
      left('alone', null),
    ];
    const known = { ...manifest, notShipped } as unknown as Manifest;
    const { mayLack } = findTable(known, tableNameFrom('parts.event'));
    expect(mayLack.map(({ name }) => name)).toEqual(['event_3', 'event_4']);
  });

  it('has all entries of one name when the segments differ in its columns', () => {
    expect(idsOf('public.skewed')).toEqual([5, 6]);
  });

  it('is refused by name when two schemas have it', () => {
    expect(() => idsOf('orders')).toThrow(/orders names 2 tables.*public\.orders, old\.orders/);
  });

  it('is refused with what the set has instead', () => {
    expect(() => idsOf('public.sale')).toThrow(/upper and lower case count.*public\.Sale/);
    expect(() => idsOf('public.far')).toThrow(/no rows of it \(foreign-table, foreign\)/);
    expect(() => idsOf('public.none')).toThrow(/stowage show 20260101000000 --all/);
    expect(() => idsOf('public.order*')).toThrow(/has no rows of a table/);
  });
});
