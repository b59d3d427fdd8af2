import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { dayOf } from '../../../backup-set/testing/committed/committed-set.ts';
import { findTables } from '../../../functions/looking-back/find.ts';
import { tableHistories } from '../../../functions/looking-back/history.ts';
import { writeMark } from '../../../functions/retention/marks.ts';
import { fileOf, freshDeps } from '../functions/place.ts';
import { counted, storeSet } from './place.ts';

const root = { schema: 'public', name: 'sales' };
const leaf = (name: string, rows: number) => ({ name, rows, partitionRoot: root });

describe('find', () => {
  it('lists the sets that hold a table, the newest first, with its rows and bytes', async () => {
    const deps = await freshDeps();
    await storeSet(deps.store, { timestamp: dayOf(1), tables: [{ name: 'a', rows: 10 }] });
    await storeSet(deps.store, { timestamp: dayOf(2), tables: [{ name: 'b', rows: 5 }] });
    const tables = [
      { name: 'a', rows: 20 },
      { name: 'b', rows: 5 },
    ];
    await storeSet(deps.store, { timestamp: dayOf(3), tables, contents: [0, 1] });
    await writeMark(deps, dayOf(1), 'held', 'audit');
    const { sets, skipped, read } = await findTables(deps, 'public.a');
    expect(sets.map(({ timestamp, tables: [table] }) => [timestamp, table?.rows])).toEqual([
      [dayOf(3), 40],
      [dayOf(1), 10],
    ]);
    expect(sets[0]?.tables[0]).toMatchObject({ bytes: 4000, storedBytes: 1000, contents: 2 });
    expect(sets[1]?.retention).toEqual({ state: 'living', held: 'audit' });
    expect({ skipped, read }).toEqual({ skipped: [], read: 3 });
  });

  it('finds partitions by a pattern, and their root as the sum of its leaves', async () => {
    const deps = await freshDeps();
    const tables = [leaf('sales_1', 3), leaf('sales_2', 4), { name: 'other', rows: 1 }];
    await storeSet(deps.store, { timestamp: dayOf(1), tables });
    const named = async (pattern: string, leaves = false) =>
      (await findTables(deps, pattern, { leaves })).sets.flatMap((set) =>
        set.tables.map(({ name, kind, rows }) => [name, kind, rows]),
      );
    expect(await named('public.sales')).toEqual([['sales', 'root', 7]]);
    expect(await named('sales_2')).toEqual([['sales_2', 'partition', 4]]);
    expect(await named('sales*')).toEqual([['sales', 'root', 7]]);
    expect(await named('sales*', true)).toHaveLength(3);
    expect(await named('"sales*"')).toEqual([]);
  });

  it('names a set whose manifest is damaged or missing', async () => {
    const deps = await freshDeps();
    for (const day of [1, 2, 3])
      await storeSet(deps.store, { timestamp: dayOf(day), tables: [{ name: 'a', rows: day }] });
    const manifest = (day: number) =>
      fileOf(deps.store, formatKey({ kind: 'manifest', timestamp: dayOf(day) }));
    await writeFile(manifest(1), '{"format"');
    await rm(manifest(2));
    const { sets, skipped } = await findTables(deps, 'a');
    expect(sets.map(({ timestamp }) => timestamp)).toEqual([dayOf(3)]);
    expect(skipped).toMatchObject([
      { timestamp: dayOf(1), why: 'unreadable', message: expect.stringContaining('is not JSON') },
      { timestamp: dayOf(2), why: 'open' },
    ]);
  });

  it('needs a bounded number of requests per set', async () => {
    const deps = await freshDeps();
    const sets = 40;
    for (let day = 0; day < sets; day += 1)
      await storeSet(deps.store, { timestamp: dayOf(day), tables: [{ name: 'a', rows: 1 }] });
    const history = counted(deps.store);
    await tableHistories({ ...deps, store: history.store }, 'a');
    // One LIST of the root, and per set one LIST of its day and one GET.
    expect(history.requests()).toBe(1 + 2 * sets);
    const found = counted(deps.store);
    await findTables({ ...deps, store: found.store }, 'a');
    expect(found.requests()).toBe(1 + 4 * sets);
  });
});

describe('history', () => {
  it('has a point for every set, and says why a set has no rows of the table', async () => {
    const deps = await freshDeps();
    const a = { name: 'a', rows: 10 };
    const b = { name: 'b', rows: 1 };
    await storeSet(deps.store, { timestamp: dayOf(1), tables: [a, b] });
    await storeSet(deps.store, { timestamp: dayOf(2), tables: [b] });
    const selection = { ...EVERYTHING, includeTables: ['public.b'] };
    await storeSet(deps.store, { timestamp: dayOf(3), tables: [b], selection });
    const notShipped = [{ schema: 'public', name: 'a', kind: 'table', reason: 'unlogged' }];
    await storeSet(deps.store, { timestamp: dayOf(4), tables: [b], notShipped });
    await storeSet(deps.store, { timestamp: dayOf(5), tables: [{ ...a, rows: 0 }] });
    const { histories } = await tableHistories(deps, 'a');
    expect(histories).toHaveLength(1);
    expect(histories[0]?.points).toMatchObject([
      { timestamp: dayOf(1), rows: 10, bytes: 1000 },
      { timestamp: dayOf(2), why: 'not-there' },
      { timestamp: dayOf(3), why: 'not-selected' },
      { timestamp: dayOf(4), why: 'not-shipped', reason: 'unlogged' },
      { timestamp: dayOf(5), rows: 0, bytes: 0 },
    ]);
  });

  it('keeps the tables of different databases apart, and obeys its window', async () => {
    const deps = await freshDeps();
    const tables = [{ name: 'a', rows: 1 }];
    for (const [day, database] of [
      [1, 'one'],
      [2, 'two'],
      [3, 'one'],
      [4, 'two'],
    ] as const)
      await storeSet(deps.store, { timestamp: dayOf(day), database, tables });
    const points = async (window: object) =>
      (await tableHistories(deps, 'a', window)).histories.map(({ database, points: list }) => [
        database,
        list.length,
      ]);
    expect(await points({})).toEqual([
      ['one', 2],
      ['two', 2],
    ]);
    expect(await points({ database: 'two', since: dayOf(3) })).toEqual([['two', 1]]);
    expect(await points({ last: 1 })).toEqual([['two', 1]]);
  });
});

it('--last with a database counts the sets of that database only', async () => {
  const deps = await freshDeps();
  for (const day of [1, 2, 3, 4, 5, 6, 7, 8])
    await storeSet(deps.store, {
      timestamp: dayOf(day),
      database: day % 4 === 1 ? 'rare' : 'common',
      tables: [{ name: 'a', rows: day }],
    });
  const timestampsOf = async (database: string, last: number) =>
    (await findTables(deps, 'a', { database, last })).sets.map(({ timestamp }) => timestamp);
  expect(await timestampsOf('rare', 2)).toEqual([dayOf(5), dayOf(1)]);
  expect(await timestampsOf('common', 2)).toEqual([dayOf(8), dayOf(7)]);
  expect(await timestampsOf('rare', 0)).toEqual([]);
  expect((await findTables(deps, 'a', { last: 0 })).sets).toEqual([]);
});

it('a pattern that names too many tables is refused, and no table is left out', async () => {
  const deps = await freshDeps();
  const names = ['a', 'b', 'c', 'd'];
  for (const day of [1, 2])
    await storeSet(deps.store, {
      timestamp: dayOf(day),
      tables: names.map((name) => ({ name: `${name}${day}`, rows: 1 })),
    });
  const refused = expect.objectContaining({ code: 'usage/flag' });
  await expect(findTables(deps, '*.*', { numbersMax: 7 })).rejects.toEqual(refused);
  expect((await findTables(deps, '*.*', { numbersMax: 8 })).sets).toHaveLength(2);
  await expect(tableHistories(deps, '*.*', { numbersMax: 15 })).rejects.toEqual(refused);
  expect((await tableHistories(deps, '*.*', { numbersMax: 16 })).histories).toHaveLength(8);
});

it('a root whose leaves are not shipped is there, and the history says why it has no rows', async () => {
  const deps = await freshDeps();
  await storeSet(deps.store, { timestamp: dayOf(1), tables: [leaf('sales_1', 3)] });
  const unlogged = { schema: 'public', name: 'sales_1', kind: 'partition', reason: 'unlogged' };
  await storeSet(deps.store, {
    timestamp: dayOf(2),
    tables: [{ name: 'other', rows: 1 }],
    notShipped: [{ ...unlogged, partitionRoot: root }],
  });
  const { histories } = await tableHistories(deps, 'public.sales');
  expect(histories[0]?.points).toMatchObject([
    { timestamp: dayOf(1), rows: 3 },
    { timestamp: dayOf(2), why: 'not-shipped', reason: 'unlogged' },
  ]);
});
