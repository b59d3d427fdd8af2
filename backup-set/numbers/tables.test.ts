import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode } from '../base/document.ts';
import { Manifest } from '../documents/manifest.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import { documentsOf } from '../testing/builders.ts';
import { committedSet, dayOf } from '../testing/committed/committed-set.ts';
import { fold } from '../testing/fold-whole.ts';
import { tableKey, tablesOf } from './tables.ts';

test('the tables of a set have all of its rows and bytes, and each root those of its leaves', () => {
  fc.assert(
    fc.property(consistentSet, (parts) => {
      const folded = fold(documentsOf(parts));
      if (folded.status !== 'complete') throw new Error(folded.status);
      const { relations, totals } = decode(Manifest, { key: 'm', bytes: folded.bytes });
      const tables = [...tablesOf({ relations }).values()];
      const sum = (field: 'rows' | 'bytes', of: typeof tables) =>
        of.reduce((all, table) => all + (table[field] ?? 0), 0);
      const names = new Set(relations.map(tableKey));
      const leaves = tables.filter((table) => names.has(tableKey(table)));
      // A root may have the name of a table: then its number is of both.
      fc.pre(leaves.every(({ kind }) => kind !== 'root'));
      expect(sum('rows', leaves)).toBe(totals.rows);
      expect(sum('bytes', leaves)).toBe(totals.bytes);
      for (const root of tables.filter(({ kind }) => kind === 'root')) {
        const own = leaves.filter((leaf) => leaf.root && tableKey(leaf.root) === tableKey(root));
        expect([root.rows, root.leaves]).toEqual([sum('rows', own), own.length]);
      }
    }),
  );
});

test('a table with other columns on some contents is one table', () => {
  const tables = [1, 2].map((rows) => ({ name: `a${rows}`, rows }));
  const raw = committedSet({ timestamp: dayOf(0), tables }).documents.at(-1);
  const relations = (raw && decode(Manifest, raw).relations) ?? [];
  const found = tablesOf({ relations: relations.map((one) => ({ ...one, name: 'a' })) });
  expect([...found.values()]).toMatchObject([{ name: 'a', rows: 3, bytes: 300 }]);
});

test('a table in files of gpbackup has rows, and no sizes that could be compared', () => {
  const files = {
    ...{ coordinator: ['x'], layout: 'per-table' as const, suffix: '.gz' as const, needs: [] },
    tables: [{ schema: 'public', name: 'a', oid: 1, rows: 5 }],
  };
  expect([...tablesOf({ relations: [], files }).values()]).toMatchObject([
    { name: 'a', rows: 5, bytes: undefined },
  ]);
});
