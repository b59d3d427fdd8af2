import { describe, expect, it } from 'vitest';
import type { ManifestPart } from '../../../../backup-set/documents/manifest.ts';
import { emptyPart } from '../../../../backup-set/testing/carried-set.ts';
import { ABSENT, codeOfCount, codeOfRatio, codeOfShare, EMPTY, NOT_READ } from './codes.ts';
import { cellOf, cellsOf } from './part-cells.ts';

const TIMESTAMP = '20260131120000';
const OLDER = '20260130120000';
const key = (timestamp: string) =>
  `sets/${timestamp.slice(0, 8)}/${timestamp}/data/0/1-1-000001.pack`;
const extent = (relation: number, length: number) => ({
  ...{ relation, offset: 0, length, rows: 5, bytes: 100, crc32: '00000000' },
});
const pack = (timestamp: string, ...extents: ReturnType<typeof extent>[]) => ({
  ...{ key: key(timestamp), bytes: 1000, crc32: '00000000', extents },
});

/** Table 0 is new, 1 is carried by a quarter, 2 was not read, 3 has no rows, 4 is not here. */
const part = {
  ...emptyPart,
  timestamp: TIMESTAMP,
  relations: [
    { relation: 0, rows: 10, bytes: 400 },
    { relation: 1, rows: 20, bytes: 800 },
    { relation: 2, rows: 5, bytes: 100, readAt: OLDER },
    { relation: 3, rows: 0, bytes: 0 },
  ],
  packs: [
    pack(TIMESTAMP, extent(0, 100), extent(1, 300)),
    pack(OLDER, extent(1, 100), extent(2, 50)),
  ],
} as unknown as ManifestPart;

describe('the cells of a content', () => {
  it('have rows, bytes, ratio and the share that was carried, measure after measure', () => {
    const cells = cellsOf(part, 5);
    const plane = (at: number) => [...cells.subarray(at * 5, at * 5 + 5)];
    expect(plane(0)).toEqual([codeOfCount(10), codeOfCount(20), codeOfCount(5), EMPTY, ABSENT]);
    expect(plane(1)).toEqual([codeOfCount(400), codeOfCount(800), codeOfCount(100), EMPTY, ABSENT]);
    expect(plane(2)).toEqual([
      codeOfRatio(400, 100),
      codeOfRatio(800, 400),
      codeOfRatio(100, 50),
      EMPTY,
      ABSENT,
    ]);
    expect(plane(3)).toEqual([codeOfShare(0, 100), codeOfShare(100, 400), NOT_READ, EMPTY, ABSENT]);
  });

  it('ignore a relation with a number that the manifest does not have', () => {
    expect([...cellsOf(part, 1)]).toHaveLength(4);
  });

  it('give exact numbers of one table, and none of a table that is not here', () => {
    expect(cellOf(part, 1)).toEqual({
      ...{ rows: 20, bytes: 800, storedBytes: 400, carriedBytes: 100, frames: 2 },
    });
    expect(cellOf(part, 2)).toMatchObject({ readAt: OLDER, carriedBytes: 50 });
    expect(cellOf(part, 4)).toBeUndefined();
  });
});
