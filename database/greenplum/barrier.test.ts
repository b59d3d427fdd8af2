import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LockedRelation } from '../catalog/relations.ts';
import { shareOut } from './barrier.ts';

/** Relations with oids as a catalog has them: different, and in no order. */
const relations: fc.Arbitrary<LockedRelation[]> = fc
  .uniqueArray(fc.record({ oid: fc.integer({ min: 16_384 }), replicated: fc.boolean() }), {
    maxLength: 20,
    selector: ({ oid }) => oid,
  })
  .map((list) =>
    list.map(({ oid, replicated }) => ({
      oid,
      schema: 'public',
      name: `t${oid}`,
      kind: 'table',
      columns: ['id'],
      bytesEstimated: 0,
      ...(replicated && { replicated }),
    })),
  );
const segments = fc.integer({ min: 1, max: 9 });

describe('the share of a segment in a backup', () => {
  test('has every distributed table, and a replicated table is in exactly one share', () => {
    fc.assert(
      fc.property(relations, segments, (list, count) => {
        const shares = [...shareOut(list, count).values()];
        for (const relation of list) {
          const holders = shares.filter((share) => share.includes(relation));
          expect(holders).toHaveLength(relation.replicated === true ? 1 : count);
        }
      }),
    );
  });

  test('has a replicated table only where gpexpand has already put its rows', () => {
    const replicated = [16_384, 16_385, 16_386, 16_387].map((oid) => ({
      oid,
      schema: 'public',
      name: `t${oid}`,
      kind: 'table' as const,
      columns: ['id'],
      bytesEstimated: 0,
      replicated: true as const,
      segments: 2,
    }));
    const sizes = [...shareOut(replicated, 3).values()].map((share) => share.length);
    expect(sizes).toEqual([2, 2, 0]);
  });

  test('exists for every content, even if empty, with each relation once and in the catalog’s order', () => {
    fc.assert(
      fc.property(relations, segments, (list, count) => {
        const shares = shareOut(list, count);
        expect([...shares.keys()]).toEqual(Array.from({ length: count }, (_, content) => content));
        for (const share of shares.values())
          expect(share).toEqual(list.filter((relation) => share.includes(relation)));
      }),
    );
  });

  test('has at most one replicated table more than any other share', () => {
    fc.assert(
      fc.property(relations, segments, (list, count) => {
        const taken = [...shareOut(list, count).values()].map(
          (share) => share.filter(({ replicated }) => replicated === true).length,
        );
        expect(Math.max(...taken) - Math.min(...taken)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
