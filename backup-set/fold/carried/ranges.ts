import type { Problem } from '../../base/verdict.ts';
import { idsOf, type Plan } from '../../documents/plan.ts';
import { countsIn, type SealedCounts, type ShippedPack } from '../relations.ts';

/**
 * Rows that were read must lie in ranges of blocks that the seal counts: else those of a range
 * would be in the set twice, or the next set could not tell which range they are of.
 */
export function strayExtents(
  { relations }: Pick<Plan, 'relations'>,
  content: number,
  counts: SealedCounts,
  packs: readonly ShippedPack[],
): Problem[] {
  const read = counts.map((sealed) => sealed?.ranges && new Set(idsOf(sealed.ranges)));
  return packs.flatMap(({ attempt, object, extents }): Problem[] => {
    const stray = extents.find((extent) => {
      if (!countsIn(counts, extent, attempt)) return false;
      const ranges = read[extent.relation];
      if (extent.range === undefined) return ranges !== undefined;
      return ranges?.has(extent.range) !== true;
    });
    if (stray === undefined) return [];
    const { schema = '', name = '' } = relations[stray.relation] ?? {};
    return [
      {
        code: 'documents-disagree',
        content,
        relation: { schema, name },
        object: object.key,
        offset: stray.offset,
        message: `the rows are of range ${stray.range ?? 'unknown'} of the blocks of the table, which the seal does not count`,
      },
    ];
  });
}

/** What the database counted in the ranges that were read, and what the base has of the others. */
export function withUnread(counts: SealedCounts, unread: readonly ShippedPack[]): SealedCounts {
  const sums = [...counts];
  for (const { extents } of unread) {
    for (const { relation, rows, bytes } of extents) {
      const sealed = sums[relation];
      if (sealed?.ranges === undefined) continue;
      sums[relation] = { ...sealed, rows: sealed.rows + rows, bytes: sealed.bytes + bytes };
    }
  }
  return sums;
}
