import { expect, test } from 'vitest';
import { parseOptions } from '../../bench/options.ts';
import { plotOf } from '../../bench/report/plot.ts';
import { mediansOf, type Row, ratioOf, type ScenarioResult } from '../../bench/report/result.ts';
import { barsTable, mediansTable } from '../../bench/report/tables.ts';

const row = (contender: string, round: number, client: number, wall: number): Row => ({
  contender,
  round,
  wallSeconds: wall,
  clientSeconds: client,
  databaseSeconds: 1,
  programSeconds: 0,
  totalSeconds: client + 1,
  storeSeconds: 0,
  interruptSeconds: 0,
  othersShare: round / 100,
  clientPeakBytes: round * 1024 ** 2,
  shipperPeakBytes: 0,
  programPeakBytes: 0,
  facts: { kept: round },
});
const rows = [
  row('psql | cat', 1, 3, 2),
  row('psql | cat', 2, 1, 9),
  row('psql | cat', 3, 2, 4),
  row('stowage', 1, 5, 8),
];
const result: ScenarioResult = {
  name: 'backup',
  title: 'some',
  bytes: 2e9,
  floor: 'psql | cat',
  rows,
  bars: [],
  notes: [],
};

test('the report takes the median of each figure over all rounds, and the maximum of peaks', () => {
  expect(mediansOf(rows)[0]).toMatchObject({
    rounds: 3,
    clientSeconds: 2,
    wallSeconds: 4,
    clientPeakBytes: 3 * 1024 ** 2,
    facts: { kept: 2 },
  });
  expect(ratioOf(rows, 'stowage', 'psql | cat', 'wallSeconds')).toBe(2);
  expect(ratioOf(rows, 'stowage', 'absent', 'wallSeconds')).toBeUndefined();
});

test('the table of medians divides by GB and by the floor, and escapes pipes in names', () => {
  const table = mediansTable(result);
  expect(table).toContain('psql \\| cat | 0.50 | 0.00 | 1.00 | 1.50 | 4.00 | 1.00 | 1.00');
  expect(table).toContain('| stowage | 0.50 | 0.00 | 2.50 | 3.00 | 8.00 | 2.00 | 2.00');
});

test('the table of bars says whether a bar is met, missed or not measured', () => {
  const bar = (measured: number | undefined) =>
    ({ what: 'w', atMost: 1, unit: '×', measured }) as const;
  const [, , met, missed, unknown] = barsTable([bar(1), bar(1.01), bar(undefined)]).split('\n');
  expect([met, missed, unknown].map((line) => line?.split('|').at(-2)?.trim())).toEqual([
    'met',
    '**missed**',
    'not measured',
  ]);
});

test('the plot has a bar for each contender, and escapes their names', () => {
  const svg = plotOf([{ ...result, rows: [row("COPY 'cat >/dev/null'", 1, 1, 1)] }]);
  expect(svg).toContain("COPY 'cat &gt;/dev/null'");
  expect(svg.match(/<rect class="client"/g)).toHaveLength(2); // legend and bar
});

test('the bench rejects invalid options and says why', () => {
  const all = ['backup', 'restore'];
  expect(parseOptions(['--scenario', 'restore'], all).scenarios).toEqual(['restore']);
  expect(() => parseOptions(['--scenario', 'nope'], all)).toThrow(/there are backup, restore/);
  expect(() => parseOptions(['--rounds', '1.5'], all)).toThrow(/whole number/);
  expect(() => parseOptions(['--gigabytes', '0'], all)).toThrow(/above 0/);
  expect(() => parseOptions(['--server', 'aws'], all)).toThrow(/one of sink/);
});
