import { describe, expect, it } from 'vitest';
import type { TableColumns } from '../../functions/serve/console/api.ts';
import { orderTables } from './order.ts';

const tables: TableColumns = {
  schemas: ['sales', 'audit'],
  schema: [0, 1, 0, 1],
  name: ['orders', 'events', 'Items', 'empty'],
  rows: [10, 30, 20, 0],
  bytes: [400, 300, 200, 0],
  storedBytes: [100, 300, 20, 0],
  contents: [2, 2, 2, 2],
};
const ordered = (...given: [Parameters<typeof orderTables>[1], string?]) =>
  [...orderTables(tables, given[0], given[1] ?? '')].map((at) => tables.name[at]);

describe('the order of tables', () => {
  it('is by bytes, rows, ratio or name', () => {
    expect(ordered('bytes')).toEqual(['orders', 'events', 'Items', 'empty']);
    expect(ordered('rows')).toEqual(['events', 'Items', 'orders', 'empty']);
    expect(ordered('ratio')).toEqual(['Items', 'orders', 'events', 'empty']);
    expect(ordered('incompressible')).toEqual(['events', 'orders', 'Items', 'empty']);
    expect(ordered('name')).toEqual(['empty', 'events', 'Items', 'orders']);
  });

  it('has only the tables with all words of the search in schema or name', () => {
    expect(ordered('bytes', 'SALES item')).toEqual(['Items']);
    expect(ordered('bytes', 'audit.e')).toEqual(['events', 'empty']);
    expect(ordered('bytes', 'nothing')).toEqual([]);
  });
});
