import { describe, expect, test } from 'vitest';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { Ranges } from '../../../backup-set/documents/plan.ts';
import type { Extent } from '../../../backup-set/documents/receipt.ts';
import { extent, tables } from '../../../backup-set/testing/small-set.ts';
import { type OfferRules, offersOf } from './offers.ts';

const digest = (letter: string) => letter.repeat(32);
const frame = (relation: number, letter: string, change: Partial<Extent> = {}) =>
  extent(relation, 0, { length: 500, bytes: 4096, digest: digest(letter), ...change });

const pack = (bytes: number, extents: Extent[]) => ({ key: 'k', bytes, crc32: '0', extents });
const partOf = (...packs: ManifestPart['packs']): ManifestPart => ({
  ...{ format: 'stowage/manifest-part', version: 1, timestamp: '20260130120000' },
  ...{ content: 0, host: 'h', port: 1, serverVersion: '15', encoding: 'UTF8' },
  ...{ refresh: [], metadata: [], relations: [], packs },
});
/** Relation 0 of the set has id 5 in the base; relation 1 is new. */
const relations = tables.map((table) => (table.id === 0 ? { ...table, baseRelation: 5 } : table));
function offers(part: ManifestPart, change: Partial<OfferRules> = {}) {
  const offered = offersOf({ relations, packUseMin: 0.5, ...change });
  const pieces = part.packs.flatMap(({ bytes, extents }) => [{ extents }, { packBytes: bytes }]);
  return [...pieces.flatMap((piece) => [...offered.of(piece)]), ...offered.rest()];
}

describe('the base offers', () => {
  test('the extents of relations that the set has, numbered over all packs of the part', () => {
    const part = partOf(
      pack(1000, [frame(5, 'A'), frame(6, 'B')]),
      pack(1000, [frame(5, 'C'), frame(5, 'D', { rowFormat: 'binary' })]),
    );
    expect(offers(part)).toEqual([
      { type: 'base', relation: 0, from: [0, 2], digests: digest('A') + digest('C') },
      { type: 'base', relation: 0, rowFormat: 'binary', from: [3], digests: digest('D') },
    ]);
  });

  test('no extents without a digest, and no small ones', () => {
    const { digest: _, ...old } = frame(5, 'A');
    expect(offers(partOf(pack(1000, [old, frame(5, 'B', { bytes: 1023 })])))).toEqual([]);
  });

  test('no extents of a pack of which less is used than the configured share', () => {
    const part = partOf(pack(1001, [frame(5, 'A')]), pack(1000, [frame(5, 'B')]));
    expect(offers(part)).toMatchObject([{ from: [1] }]);
    expect(offers(part, { packUseMin: 0.49 })).toMatchObject([{ from: [0, 1] }]);
    expect(offers(part, { packUseMin: 0.51 })).toEqual([]);
  });

  test('no more extents than the maximum', () => {
    const part = partOf(pack(1000, [frame(5, 'A'), frame(5, 'B')]));
    expect(offers(part, { extentsMax: 1 })).toMatchObject([{ from: [0] }]);
  });

  test('no extents of a relation that this content does not have', () => {
    const part = partOf(pack(500, [frame(5, 'A')]));
    expect(offers(part, { relations: relations.filter(({ id }) => id === 1) })).toEqual([]);
  });

  test('no extents of ranges of blocks that are not read', () => {
    const part = partOf(pack(1000, [frame(5, 'A', { range: 0 }), frame(5, 'B', { range: 1 })]));
    const ranges = { blocks: 8, count: 2, read: [[1, 1]] satisfies Ranges };
    const change = { relations: relations.map((relation) => ({ ...relation, ranges })) };
    expect(offers(part, change)).toMatchObject([{ from: [1] }]);
  });
});
