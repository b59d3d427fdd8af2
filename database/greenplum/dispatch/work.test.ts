import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Count } from '../../../backup-set/base/document.ts';
import type { LockedRelation } from '../../catalog/relations.ts';
import { workOf } from './work.ts';

const SMALL_BYTES = 1024 * 1024;

const table = fc.record({
  oid: fc.integer({ min: 16_384 }),
  bytes: fc.oneof(
    fc.integer({ min: 0, max: 2 * SMALL_BYTES }),
    fc.integer({ min: 0, max: 2 ** 40 }),
  ),
  is: fc.constantFrom<Partial<LockedRelation>>(
    {},
    { replicated: true },
    { condition: 'id > 7' },
    { redistribute: true },
  ),
});
const tables = fc.uniqueArray(table, { maxLength: 20, selector: ({ oid }) => oid });
const segmentCounts = fc.integer({ min: 1, max: 1_000 });

type Table = (typeof table extends fc.Arbitrary<infer T> ? T : never) & object;

function workFor(list: readonly Table[], segments: number, smallTableBytes = SMALL_BYTES) {
  const relations = list.map(
    ({ oid, is }): LockedRelation => ({
      oid,
      schema: 'public',
      name: `t${oid}`,
      kind: 'table',
      columns: ['id'],
      bytesEstimated: 0,
      ...is,
    }),
  );
  const discovery = { relations, roots: [], notShipped: [], refresh: [], largeObjects: 0 };
  const bytes = new Map(list.map((each) => [each.oid, each.bytes]));
  return workOf(discovery, { segments, bytes, smallTableBytes });
}

const isWhole = ({ is }: Table) => is.replicated === true || is.condition !== undefined;
const isSmall = ({ bytes }: Table) => bytes < SMALL_BYTES;
const namesOf = (list: readonly Table[]) => list.map(({ oid }) => `t${oid}`);

describe('a backup by dispatch', () => {
  test('reads small tables through the coordinator, and marks those that its segments share', () => {
    fc.assert(
      fc.property(tables, segmentCounts, (list, segments) => {
        const { coordinator, segment } = workFor(list, segments);
        const own = list.filter((one) => isWhole(one) || isSmall(one));
        expect(coordinator.relations.map(({ name }) => name)).toEqual(namesOf(own));
        const marked = coordinator.relations.filter((one) => one.fromCoordinator === true);
        expect(marked.map(({ name }) => name)).toEqual(namesOf(own.filter((one) => !isWhole(one))));
        const others = list.filter((one) => !own.includes(one));
        expect(segment.relations.map(({ name }) => name)).toEqual(namesOf(others));
        expect(segment.relations.some((one) => one.fromCoordinator === true)).toBe(false);
      }),
    );
  });

  test('ships every distributed table from the segments when no table counts as small', () => {
    fc.assert(
      fc.property(tables, segmentCounts, (list, segments) => {
        const { coordinator, segment } = workFor(list, segments, 0);
        expect(coordinator.relations.map(({ name }) => name)).toEqual(
          namesOf(list.filter(isWhole)),
        );
        expect(coordinator.relations.some((one) => one.fromCoordinator === true)).toBe(false);
        expect(segment.relations.map(({ name }) => name)).toEqual(
          namesOf(list.filter((one) => !isWhole(one))),
        );
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
