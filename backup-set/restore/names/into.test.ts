import { describe, expect, test } from 'vitest';
import { derivedName } from './derived.ts';
import { namesOrReason, targetName } from './into.ts';

const target = { flavour: 'shards', database: 'd', contents: [] };
const orders = { schema: 'sales', name: 'orders' };
const copy = { schema: 'sales', name: 'orders_0300' };
const leaf = { schema: 'sales', name: 'orders_2025', partitionRoot: orders };

describe('the name of a part of a table', () => {
  test.each([
    ['orders_pkey', 'orders', 'orders_0300', 'orders_0300_pkey'],
    ['orders_pkey', 'orders', 'Copy', 'Copy_pkey'],
    ['by day', 'orders', 'orders_0300', 'by day_0300'],
    ['by day', 'orders', 'copy', 'by day_copy'],
    ['orders2_pkey', 'orders', 'copy', 'orders2_pkey_copy'],
    ['orders', 'orders', 'copy', 'copy'],
    ['by day', 'orders', 'orders', 'by day'],
  ])('%j of table %j becomes, with the new name %j, %j', (name, table, made, expected) => {
    expect(derivedName(name, table, made)).toBe(expected);
  });

  test('has at most 63 bytes, and two long names stay different', () => {
    const long = 'ü'.repeat(30);
    const [one, other] = ['a', 'b'].map((end) =>
      derivedName(`t_${long}${end}`, 't', 'a longer name'),
    );
    expect(Buffer.byteLength(one ?? '')).toBeLessThanOrEqual(63);
    expect(one).toMatch(/^a longer name_ü+_[0-9a-f]{8}$/);
    expect(one).not.toBe(other);
  });
});

describe('the names that a request asks for', () => {
  test('are those of the one chosen schema', () => {
    const into = namesOrReason({ into: { schema: 'old' }, target }, [orders, leaf]);
    expect(into).toEqual({ from: 'sales', schema: 'old' });
    if (typeof into === 'string') return;
    expect(targetName(into, orders)).toEqual({ schema: 'old', name: 'orders' });
    expect(targetName(into, { schema: 'other', name: 'orders' }).schema).toBe('other');
  });

  test('are those of the one chosen table, and of its partitions', () => {
    const into = namesOrReason({ into: { table: copy }, target }, [leaf]);
    expect(into).toEqual({ from: { schema: 'sales', name: 'orders_2025' }, table: copy });
    const whole = namesOrReason({ into: { table: copy }, target }, [
      leaf,
      { ...leaf, name: 'rest' },
    ]);
    expect(whole).toEqual({ from: orders, table: copy });
    if (typeof whole === 'string') return;
    expect(targetName(whole, leaf).name).toBe('orders_0300_2025');
    expect(targetName(whole, { schema: 'sales', name: 'rest' }).name).toBe('rest_0300');
  });

  test.each([
    [
      { schema: 'old' },
      [orders, { schema: 'b', name: 't' }],
      'the selection has tables of 2 schemas (b, sales)',
    ],
    [
      { schema: 'old' },
      [orders, { ...leaf, schema: 'archive' }],
      'archive.orders_2025, a partition of sales.orders, is in schema archive',
    ],
    [{ schema: 'sales' }, [orders], 'the set has the name sales already'],
    [{ table: orders }, [orders], 'the set has the name sales.orders already'],
    [{ table: copy }, [orders, copy], 'gives another name to one table, and the selection has 2'],
  ])('%j for %j are refused: %s', (into, chosen, reason) => {
    expect(namesOrReason({ into, target }, chosen)).toContain(reason);
  });

  test('are refused for one partition on Greenplum, which defines it with its table', () => {
    const greenplum = { ...target, flavour: 'greenplum' };
    expect(namesOrReason({ into: { table: copy }, target: greenplum }, [leaf])).toContain(
      'choose --table sales.orders',
    );
  });
});
