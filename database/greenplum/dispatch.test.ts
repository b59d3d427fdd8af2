import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Count } from '../../backup-set/base/document.ts';
import type { LockedRelation } from '../catalog/relations.ts';
import { workOf } from './dispatch.ts';

const BLOCK_BYTES = 32_768;

const tables = fc.uniqueArray(
  fc.record({
    oid: fc.integer({ min: 16_384 }),
    pages: fc.integer({ min: 0, max: 1_000_000 }),
    replicated: fc.boolean(),
  }),
  { maxLength: 20, selector: ({ oid }) => oid },
);
const segmentCounts = fc.integer({ min: 1, max: 1_000 });

function workFor(
  list: readonly { oid: number; pages: number; replicated: boolean }[],
  segments: number,
) {
  const relations = list.map(
    ({ oid, replicated }): LockedRelation => ({
      oid,
      schema: 'public',
      name: `t${oid}`,
      kind: 'table',
      columns: ['id'],
      bytesEstimated: 0,
      ...(replicated && { replicated }),
    }),
  );
  const discovery = { relations, roots: [], notShipped: [], refresh: [], largeObjects: 0 };
  return workOf(
    discovery,
    segments,
    new Map(list.map(({ oid, pages }) => [oid, pages * BLOCK_BYTES])),
  );
}

describe('a backup by dispatch', () => {
  test('ships distributed tables from the segments and replicated tables from the coordinator', () => {
    fc.assert(
      fc.property(tables, segmentCounts, (list, segments) => {
        const { coordinator, segment } = workFor(list, segments);
        const namesOf = (replicated: boolean) =>
          list.filter((table) => table.replicated === replicated).map(({ oid }) => `t${oid}`);
        expect(coordinator.relations.map(({ name }) => name)).toEqual(namesOf(true));
        expect(segment.relations.map(({ name }) => name)).toEqual(namesOf(false));
      }),
    );
  });

  test('estimates whole bytes, for any number of segments that share a table', () => {
    fc.assert(
      fc.property(tables, segmentCounts, (list, segments) => {
        const { coordinator, segment } = workFor(list, segments);
        for (const { bytesEstimated } of [...coordinator.relations, ...segment.relations])
          expect(Count.parse(bytesEstimated)).toBe(bytesEstimated);
      }),
    );
  });
});
