import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findTable, findVolume } from './find-table.ts';

const totals = (rows: number) => ({
  contents: 1,
  rows,
  bytes: 2 * rows,
  storedBytes: 1,
  extents: 1,
});
const relation = (schema: string, name: string, rows: number) => ({
  ...{ schema, name, id: 0, kind: 'table', columns: ['a', '}', '"'] },
  ...{ partitionRoot: { schema: 'root', name: 'of all' }, totals: totals(rows) },
});
const bytesOf = (document: object) => Buffer.from(`${JSON.stringify(document)}\n`);

describe('findTable', () => {
  it('finds each table among any others, whatever their names are', () => {
    const name = fc.string({ minLength: 1, unit: 'grapheme' });
    const names = fc.uniqueArray(fc.tuple(name, name), {
      ...{ minLength: 1, maxLength: 8, selector: (pair) => JSON.stringify(pair) },
    });
    fc.assert(
      fc.property(names, (pairs) => {
        const manifest = bytesOf({
          relations: pairs.map(([schema, table], at) => relation(schema, table, at)),
          notShipped: [{ schema: 'never', name: 'shipped', kind: 'view', reason: 'no rows' }],
        });
        for (const [at, [schema, table]] of pairs.entries())
          expect(findTable(manifest, { schema, name: table })?.rows).toBe(at);
      }),
    );
  });

  it('does not take a partition root, a view or a text in a name for a table', () => {
    const inside = '{"schema":"a","name":"b","totals":{}}';
    const manifest = bytesOf({
      relations: [relation('x', inside, 1)],
      notShipped: [{ schema: 'a', name: 'b', kind: 'view', reason: '' }],
    });
    expect(findTable(manifest, { schema: 'root', name: 'of all' })).toBeUndefined();
    expect(findTable(manifest, { schema: 'a', name: 'b' })).toBeUndefined();
    expect(findTable(manifest, { schema: 'x', name: 'y' })).toBeUndefined();
    expect(findTable(manifest.subarray(0, 60), { schema: 'x', name: inside })).toBeUndefined();
  });

  it('gives the rows of a table in the files of gpbackup, without sizes', () => {
    const tables = [{ schema: 'a', name: 'b', oid: 1, rows: 5 }];
    const manifest = bytesOf({ relations: [], files: { tables } });
    expect(findVolume(manifest, { schema: 'a', name: 'b' })).toEqual({ rows: 5, contents: 1 });
  });

  it('sums the leaves of a root, whatever their names are', () => {
    const relations = ['b', '"partitionRoot":{"schema":"root"'].map((name, at) =>
      relation('a', name, at + 1),
    );
    const manifest = bytesOf({ relations });
    expect(findVolume(manifest, { schema: 'root', name: 'of all' })?.rows).toBe(3);
  });
});
