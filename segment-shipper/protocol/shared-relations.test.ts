import { expect, test } from 'vitest';
import type { ShippedRelation } from '../../backup-set/documents/agents.ts';
import { withSharedParts } from './shared-relations.ts';

const relation = (id: number, more: Partial<ShippedRelation> = {}): ShippedRelation => ({
  id,
  schema: 'public',
  name: `t${id}`,
  kind: 'partition',
  columns: ['id', 'v'],
  types: ['integer', 'text'],
  partitionRoot: { schema: 'public', name: 't' },
  bytesEstimated: 8_192,
  ...more,
});

test('equal columns, types and roots are kept once, and no relation changes', () => {
  const { partitionRoot: _, types: __, ...plain } = relation(4);
  const all = [
    relation(1),
    relation(2),
    relation(3, { columns: ['id', 'w'], types: ['integer', 'date'] }),
    {
      ...plain,
      kind: 'table' as const,
      ranges: { blocks: 8, count: 2, read: [[0, 0]] as [number, number][] },
    },
  ];
  const shared = withSharedParts(all);
  expect(shared).toEqual(all);
  const [first, second, third] = shared;
  expect(second?.columns).toBe(first?.columns);
  expect(second?.types).toBe(first?.types);
  expect(third?.partitionRoot).toBe(first?.partitionRoot);
  expect(third?.columns).not.toBe(first?.columns);
  expect(shared[3]).not.toHaveProperty('types');
});
