import { describe, expect, test } from 'vitest';
import { decode } from '../base/document.ts';
import { EVERYTHING } from '../base/selection.ts';
import { Manifest } from '../documents/manifest.ts';
import {
  committedSet,
  dayOf,
  type GeneratedSet,
  type GeneratedTable,
} from '../testing/committed/committed-set.ts';
import { compareSets } from './compare.ts';
import { numbersOf, type SetNumbers } from './numbers.ts';
import { DEFAULT_RULES, type UnusualRules } from './rules.ts';

const MB = 1024 ** 2;
const orders: GeneratedTable = { schema: 'sales', name: 'orders', rows: 1_000_000, bytes: 64 * MB };
const people: GeneratedTable = { name: 'people', rows: 5000, bytes: 2 * MB };

function setOf(day: number, set: Partial<GeneratedSet>): SetNumbers {
  const { documents } = committedSet({ timestamp: dayOf(day), tables: [orders, people], ...set });
  const raw = documents.at(-1);
  if (raw === undefined) throw new Error('no manifest');
  return numbersOf(decode(Manifest, raw));
}

/** As many older sets, newest first; `at` makes the tables of a day. */
function olderSets(days: number, at: (day: number) => Partial<GeneratedSet> = () => ({})) {
  return Array.from({ length: days }, (_, day) => setOf(day, at(day))).toReversed();
}

const TODAY = 30;
const messagesOf = (
  today: Partial<GeneratedSet>,
  older: readonly SetNumbers[],
  rules: Partial<UnusualRules> = {},
) =>
  compareSets(setOf(TODAY, today), older, { ...DEFAULT_RULES, ...rules }).warnings.map(
    ({ code, message }) => `${code}: ${message}`,
  );

const lost = { ...orders, rows: 590_000 };
const yesterday = dayOf(13);
const LOST = `rows-fewer: sales.orders lost 41 % of its rows since set ${yesterday}: 1,000,000 → 590,000 rows`;

describe('a set', () => {
  test('that is like the older ones has no warning, and says with what it was compared', () => {
    const older = olderSets(3);
    expect(compareSets(setOf(TODAY, {}), older, DEFAULT_RULES)).toEqual({
      compared: { sets: [dayOf(2), dayOf(1), dayOf(0)], tables: 2 },
      warnings: [],
    });
  });

  test('without older sets is not compared', () => {
    expect(compareSets(setOf(TODAY, {}), [], DEFAULT_RULES)).toEqual({ warnings: [] });
  });

  test.each([1, 2, 14])('with a table that lost rows has a warning after %d sets', (days) => {
    const since = dayOf(days - 1);
    const [first] = messagesOf({ tables: [lost, people] }, olderSets(days));
    expect(first).toBe(LOST.replace(yesterday, since));
  });

  test('that compresses worse as a whole, and in a table, has warnings about both', () => {
    const older = olderSets(14, () => ({ tables: [{ ...orders, storedBytes: 20 * MB }, people] }));
    const encrypted = { ...orders, storedBytes: 64 * MB };
    expect(messagesOf({ tables: [encrypted, people] }, older)).toEqual([
      `compression-lower: the set compresses worse than in set ${yesterday}: 3.2 → 1.0 bytes of rows per stored byte. Encrypted rows do not compress`,
      `compression-lower: sales.orders compresses worse than in set ${yesterday}: 3.2 → 1.0 bytes of rows per stored byte. Encrypted rows do not compress`,
    ]);
  });

  test('without a table that was dropped has a warning, and the bytes of the others do not', () => {
    expect(messagesOf({ tables: [people] }, olderSets(14))).toEqual([
      `table-gone: sales.orders is not in the database any more: set ${yesterday} has 1,000,000 rows of it`,
    ]);
  });

  test('without a table that is not shipped any more has a warning that says why', () => {
    const notShipped = [{ schema: 'sales', name: 'orders', kind: 'table', reason: 'unlogged' }];
    const [only] = messagesOf({ tables: [people], notShipped }, olderSets(14));
    expect(only).toContain('sales.orders exists and is not shipped (unlogged)');
  });

  test('says of a root whose leaves are not shipped any more that it exists', () => {
    const partitionRoot = { schema: 'sales', name: 'log' };
    const older = olderSets(14, () => ({
      tables: [people, { name: 'l', rows: 5, partitionRoot }],
    }));
    const leaf = { schema: 'public', name: 'l', kind: 'partition', reason: 'unlogged' };
    const [only] = messagesOf(
      { tables: [people], notShipped: [{ ...leaf, partitionRoot }] },
      older,
    );
    expect(only).toContain('sales.log exists and is not shipped (unlogged)');
  });

  test('with a table of all rows lost says so first, and the weight decides the order', () => {
    const tables = [
      { ...orders, rows: 0 },
      { ...people, rows: 1000 },
    ];
    expect(messagesOf({ tables }, olderSets(14)).map((line) => line.split(' since')[0])).toEqual([
      'bytes-fewer: the set lost 96 % of its bytes of rows',
      'rows-fewer: sales.orders lost all of its rows',
      'rows-fewer: public.people lost 80 % of its rows',
    ]);
  });

  test('with a content that is empty has a warning, although no table lost much', () => {
    const contents = Array.from({ length: 8 }, (_, content) => content);
    const older = olderSets(5, () => ({ contents }));
    const today = setOf(TODAY, { contents });
    const rows = new Map(today.contents).set(3, 0);
    const { warnings } = compareSets({ ...today, contents: rows }, older, DEFAULT_RULES);
    expect(warnings).toMatchObject([
      { code: 'rows-fewer', content: 3, was: 1_005_000, is: 0, unit: 'rows', since: dayOf(4) },
    ]);
  });

  test('that took longer has a warning', () => {
    expect(messagesOf({ seconds: 600 }, olderSets(14))).toEqual([
      `slower: the backup took 10 times as long as that of set ${yesterday}: 60 seconds → 600 seconds`,
    ]);
  });

  test('that carried less has a warning', () => {
    const carried = (day: number, share: number) => ({
      ...setOf(day, {}),
      carried: { usedBytes: 66 * MB, share },
    });
    const older = Array.from({ length: 5 }, (_, day) => carried(day, 0.98)).toReversed();
    expect(compareSets(carried(TODAY, 0.03), older, DEFAULT_RULES).warnings).toMatchObject([
      {
        code: 'carried-less',
        message: `the set takes 3 % of its bytes from older sets; set ${dayOf(4)} took 98 %`,
        unit: 'thousandths',
        was: 980,
        is: 30,
      },
    ]);
  });

  test('with far more rows has warnings', () => {
    const tables = [{ ...orders, rows: 4_000_000, bytes: 256 * MB }, people];
    expect(messagesOf({ tables }, olderSets(14)).map((line) => line.split(' since')[0])).toEqual([
      'bytes-more: the set has 3.9 times as many bytes of rows',
      'rows-more: sales.orders has 4.0 times as many rows',
    ]);
  });
});

describe('usual is', () => {
  test('a table that is emptied every seventh night', () => {
    const at = (day: number) => ({
      tables: [{ ...orders, rows: day % 7 === 2 ? 0 : orders.rows }, people],
    });
    expect(
      messagesOf(
        { ...at(TODAY) },
        olderSets(14, (day) => at(day + 16)),
      ),
    ).toEqual([]);
  });

  test('a table that has another size every night', () => {
    const rows = (day: number) => 1000 + ((day * 7919) % 100) * 10_000;
    const at = (day: number) => ({ tables: [{ ...people, rows: rows(day) }] });
    expect(messagesOf(at(TODAY), olderSets(14, at))).toEqual([]);
  });

  test('a small table, whatever it loses', () => {
    const small = (rows: number) => ({ tables: [orders, { ...people, rows, bytes: rows * 100 }] });
    expect(
      messagesOf(
        small(0),
        olderSets(3, () => small(999)),
      ),
    ).toEqual([]);
  });

  test('the oldest partition that goes every night, while the rows of its root stay', () => {
    const partitionRoot = { schema: 'sales', name: 'log' };
    const at = (day: number) => ({
      tables: Array.from({ length: 7 }, (_, leaf) => ({
        name: `log_${day + leaf}`,
        rows: 10_000,
        partitionRoot,
      })),
    });
    expect(
      messagesOf(
        at(TODAY),
        olderSets(14, (day) => at(day + 16)),
      ),
    ).toEqual([]);
  });

  test('a table that is made for every day and dropped the day after', () => {
    const at = (day: number) => ({ tables: [orders, { name: `load_${day}`, rows: 10_000 }] });
    expect(
      messagesOf(
        at(TODAY),
        olderSets(14, (day) => at(day + 16)),
      ),
    ).toEqual([]);
    const both = messagesOf({ tables: [{ name: 'x', rows: 1 }] }, olderSets(14, at));
    expect(both).toHaveLength(2);
  });

  test('a value whose percentage is 0 in the configuration', () => {
    const today = { tables: [lost, people], seconds: 600 };
    expect(messagesOf(today, olderSets(3), { lostPercent: 0, slowerPercent: 0 })).toEqual([]);
  });
});

describe('sets of chosen tables', () => {
  const chosen = (tables: readonly GeneratedTable[], includeTables: string[]) => ({
    tables,
    selection: { ...EVERYTHING, includeTables },
  });

  test('are compared over the tables that both have, and lack none', () => {
    const older = olderSets(3);
    expect(messagesOf(chosen([people], ['public.*']), older)).toEqual([]);
    const half = { ...people, rows: 2500 };
    expect(messagesOf(chosen([half], ['public.*']), older)).toEqual([
      `rows-fewer: public.people lost 50 % of its rows since set ${dayOf(2)}: 5,000 → 2,500 rows`,
    ]);
  });

  test('between sets of all tables hide no loss of the tables that they left out', () => {
    const older = [setOf(20, chosen([people], ['public.people'])), ...olderSets(14)];
    expect(messagesOf({ tables: [lost, people] }, older)).toEqual([LOST]);
    expect(messagesOf({ tables: [people] }, older)[0]).toContain('table-gone: sales.orders');
  });

  test('say nothing about the sum of a root of which they have chosen leaves', () => {
    const partitionRoot = { schema: 'sales', name: 'log' };
    const leaf = (name: string) => ({ name, rows: 10_000, partitionRoot });
    const older = olderSets(3, () => ({ tables: [leaf('log_1'), leaf('log_2')] }));
    expect(messagesOf(chosen([leaf('log_1')], ['public.log_1']), older)).toEqual([]);
  });
});

test('the warning about a partitioned table replaces those of its leaves', () => {
  const partitionRoot = { schema: 'sales', name: 'log' };
  const at = (rows: number) => ({
    tables: ['log_1', 'log_2'].map((name) => ({ name, rows, partitionRoot })),
  });
  const older = olderSets(3, () => at(10_000));
  expect(messagesOf(at(100), older).filter((line) => line.startsWith('rows-fewer'))).toEqual([
    `rows-fewer: sales.log lost 99 % of its rows since set ${dayOf(2)}: 20,000 → 200 rows`,
  ]);
});

test('every encrypted table has a warning, after the one about the whole set', () => {
  const tables = Array.from({ length: 1200 }, (_, at) => ({
    name: `t${at}`,
    rows: 2000,
    bytes: 2 * MB,
  }));
  const older = olderSets(2, () => ({ tables }));
  const today = tables.map((table) => ({ ...table, storedBytes: table.bytes }));
  expect(messagesOf({ tables: today }, older)).toHaveLength(1201);
});
