import type { TableColumns } from '../../functions/serve/console/api.ts';

export const ORDERS = {
  bytes: 'Largest first',
  rows: 'Most rows first',
  ratio: 'Best compressed first',
  incompressible: 'Least compressed first',
  name: 'By name',
} as const;
export type Order = keyof typeof ORDERS;

/** The numbers of the tables that match, in an order. Pure: 10,000 names take some milliseconds. */
export function orderTables(tables: TableColumns, order: Order, find: string): Uint32Array {
  const words = find
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const names = tables.name.map((_, at) => nameOf(tables, at));
  const found = [...names.keys()].filter((at) => {
    const name = names[at]?.toLowerCase() ?? '';
    return words.every((word) => name.includes(word));
  });
  const by = (list: readonly number[]) => (a: number, b: number) =>
    (list[b] ?? 0) - (list[a] ?? 0) || a - b;
  const ratios = tables.bytes.map((bytes, at) => bytes / Math.max(1, tables.storedBytes[at] ?? 0));
  switch (order) {
    case 'bytes':
      return Uint32Array.from(found.sort(by(tables.bytes)));
    case 'rows':
      return Uint32Array.from(found.sort(by(tables.rows)));
    case 'ratio':
      return Uint32Array.from(found.sort(by(ratios)));
    case 'incompressible':
      // A table without rows has no ratio.
      return Uint32Array.from(
        found.sort(by(ratios.map((ratio) => (ratio === 0 ? Number.NEGATIVE_INFINITY : -ratio)))),
      );
    case 'name':
      return Uint32Array.from(found.sort((a, b) => compare(names[a] ?? '', names[b] ?? '')));
  }
}

export const nameOf = ({ schemas, schema, name }: TableColumns, at: number): string =>
  `${schemas[schema[at] ?? 0] ?? ''}.${name[at] ?? ''}`;

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
