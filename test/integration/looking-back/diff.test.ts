import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { dayOf, type GeneratedSet } from '../../../backup-set/testing/committed/committed-set.ts';
import type { Deps } from '../../../functions/deps.ts';
import { diffSets } from '../../../functions/looking-back/diff/diff.ts';
import { fileOf, freshDeps } from '../functions/place.ts';
import { storeSet } from './place.ts';

const [ONE, TWO] = [dayOf(1), dayOf(2)];
const columns = ['id', 'total'];
const types = ['bigint', 'numeric(10,2)'];

async function twoSets(one: Partial<GeneratedSet>, two: Partial<GeneratedSet>): Promise<Deps> {
  const deps = await freshDeps();
  await storeSet(deps.store, { timestamp: ONE, tables: [], ...one });
  await storeSet(deps.store, { timestamp: TWO, tables: [], ...two });
  return deps;
}

const diffOf = (deps: Deps, digests = true) => diffSets(deps, [ONE, TWO], { digests });
const brief = (tables: readonly { name: string; rows: unknown }[]) =>
  tables.map(({ name, rows }) => [name, rows]);

it('a difference names tables that were added and dropped, and those with other numbers', async () => {
  const deps = await twoSets(
    {
      tables: [
        { name: 'a', rows: 10 },
        { name: 'b', rows: 5 },
        { name: 'c', rows: 0 },
      ],
    },
    {
      tables: [
        { name: 'a', rows: 12 },
        { name: 'c', rows: 0 },
        { name: 'd', rows: 1 },
      ],
    },
  );
  const diff = await diffOf(deps);
  expect(diff.added).toMatchObject([{ name: 'd', rows: 1, other: { why: 'not-there' } }]);
  expect(diff.dropped).toMatchObject([{ name: 'b', rows: 5, other: { why: 'not-there' } }]);
  expect(diff.changed).toMatchObject([
    { name: 'a', was: { rows: 10, bytes: 1000 }, is: { rows: 12 }, rows: 'differ' },
  ]);
  expect(diff.same).toBe(1);
});

it('digests tell tables with the same rows from tables with equal numbers', async () => {
  const same = { name: 'same', rows: 10 };
  const contents = [0, 1, 2];
  const deps = await twoSets(
    { tables: [same, { name: 'other', rows: 10, seed: 'x' }], contents },
    { tables: [same, { name: 'other', rows: 10, seed: 'y' }], contents },
  );
  const diff = await diffOf(deps);
  expect(brief(diff.changed)).toEqual([['other', 'differ']]);
  expect([diff.same, diff.unknown]).toEqual([1, []]);
  const totals = await diffOf(deps, false);
  expect(brief(totals.unknown)).toEqual([
    ['other', 'unknown'],
    ['same', 'unknown'],
  ]);
  expect([totals.same, totals.changed]).toEqual([0, []]);
});

it('equal numbers are not the same rows without digests, and with other segments', async () => {
  const undigested = { name: 'a', rows: 10, undigested: true } as const;
  const early = await diffOf(await twoSets({ tables: [undigested] }, { tables: [undigested] }));
  expect(brief(early.unknown)).toEqual([['a', 'unknown']]);
  const six = { name: 'a', rows: 6, bytes: 600 };
  const moved = await twoSets(
    { tables: [six], contents: [0, 1] },
    { tables: [six], contents: [0, 5] },
  );
  expect(brief((await diffOf(moved)).unknown)).toEqual([['a', 'unknown']]);
});

it('changed definitions are listed, also where the rows are the same', async () => {
  const table = { name: 'a', rows: 10 };
  const deps = await twoSets(
    { tables: [{ ...table, columns, types }] },
    {
      tables: [
        { ...table, columns: ['id', 'total', 'note'], types: ['bigint', 'numeric(12,2)', 'text'] },
      ],
    },
  );
  expect((await diffOf(deps)).changed).toMatchObject([
    {
      name: 'a',
      rows: 'same',
      definition: [
        { what: 'column-added', column: 'note', type: 'text' },
        { what: 'column-type', column: 'total', was: 'numeric(10,2)', is: 'numeric(12,2)' },
      ],
    },
  ]);
});

it('a root has the sums of its partitions, and differs when one was exchanged', async () => {
  const partitionRoot = { schema: 'public', name: 'log' };
  const leaf = (name: string) => ({ name, rows: 5, partitionRoot });
  const deps = await twoSets(
    { tables: [leaf('log_1'), leaf('log_2')] },
    { tables: [leaf('log_2'), leaf('log_3')] },
  );
  const diff = await diffOf(deps);
  expect(diff.changed).toMatchObject([
    { name: 'log', kind: 'root', rows: 'differ', was: { rows: 10 }, is: { rows: 10 } },
  ]);
  expect(brief(diff.added)).toEqual([['log_3', 5]]);
});

it('a table that one set did not select was neither added nor dropped', async () => {
  const selection = { ...EVERYTHING, includeTables: ['public.a'] };
  const [a, b] = [
    { name: 'a', rows: 1 },
    { name: 'b', rows: 1 },
  ];
  const deps = await twoSets({ tables: [a, b] }, { tables: [a], selection });
  expect((await diffOf(deps)).dropped).toMatchObject([
    { name: 'b', other: { why: 'not-selected' } },
  ]);
});

it('a part of a manifest that cannot be read is named, and no table counts as the same', async () => {
  const deps = await twoSets(
    { tables: [{ name: 'a', rows: 1 }], contents: [0, 1] },
    { tables: [{ name: 'a', rows: 1 }], contents: [0, 1] },
  );
  const key = formatKey({ kind: 'manifest-part', timestamp: TWO, content: 1 });
  await writeFile(fileOf(deps.store, key), '{}');
  const diff = await diffOf(deps);
  expect(diff.unreadable).toMatchObject([{ object: key, content: 1 }]);
  expect([brief(diff.unknown), diff.same]).toEqual([[['a', 'unknown']], 0]);
});

it('a set without a manifest cannot be compared', async () => {
  const deps = await freshDeps();
  await storeSet(deps.store, { timestamp: ONE, tables: [] });
  await expect(diffOf(deps)).rejects.toMatchObject({ code: 'set/not-found' });
  await deps.store.create(formatKey({ kind: 'plan', timestamp: TWO }), Buffer.from('{}'));
  await expect(diffOf(deps)).rejects.toMatchObject({ code: 'set/incomplete' });
});

it('frames of another size do not prove other rows', async () => {
  const tables = (seed: string) => [
    { name: 'small', rows: 1, seed: 'same' },
    { name: 'large', rows: 10, seed },
  ];
  const deps = await twoSets(
    { tables: tables('cut to 4 KiB'), frameBytes: 4096 },
    { tables: tables('cut to 8 KiB'), frameBytes: 8192 },
  );
  const diff = await diffOf(deps);
  expect(brief(diff.unknown)).toEqual([['large', 'unknown']]);
  expect([diff.changed, diff.same]).toEqual([[], 1]);
});
