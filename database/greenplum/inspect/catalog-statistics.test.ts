import { expect, test } from 'vitest';
import { statisticsCheck } from './catalog-statistics.ts';

const check = (known: number, partitions: number, tables = 500) =>
  statisticsCheck('catalog statistics', known, { partitions, tables });

test('many partitions without statistics are a remark that names the statements to run', () => {
  expect(check(0, 12_000)).toMatchObject({
    ok: true,
    remark: true,
    detail: expect.stringContaining('12,000 partitions, and pg_partition_rule has no statistics'),
  });
  expect(check(0, 12_000).detail).toContain('pg_dump takes about 2 minutes longer');
  expect(check(0, 120_000, 5_000).detail).toContain('pg_dump takes about 110 minutes longer');
  expect(check(5_000, 12_000).detail).toContain('ANALYZE pg_catalog.pg_partition_rule');
});

test('few partitions, and partitions that are analyzed, are no remark', () => {
  expect(check(0, 999)).not.toHaveProperty('remark');
  expect(check(12_000, 12_000)).not.toHaveProperty('remark');
  expect(check(6_000, 12_000)).not.toHaveProperty('remark');
});
