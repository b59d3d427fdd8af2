import { constants, crc32, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Extent } from '../../../backup-set/documents/receipt.ts';
import { hex } from '../../../frame/hex.ts';
import { verifyObject } from '../../../functions/check/object.ts';
import { freshDeps } from './place.ts';

const shipment = { timestamp: '20260131010203', content: 4, attempt: 1, worker: 1 };
const frameOf = (rows: Buffer) =>
  zstdCompressSync(rows, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });

/** More rows than are held in memory, so that the frame is decompressed as a stream. */
const row = 'enormous value\\n and more\t\n';
const largeRows = Buffer.alloc(row.length * 3_000_000, row);
const large = frameOf(largeRows);
const small = frameOf(Buffer.from('1\n2\n'));

const extents: Extent[] = [
  {
    relation: 0,
    offset: 0,
    length: large.length,
    rows: 3_000_000,
    bytes: largeRows.length,
    crc32: hex(crc32(large)),
  },
  {
    relation: 1,
    offset: large.length,
    length: small.length,
    rows: 2,
    bytes: 4,
    crc32: hex(crc32(small)),
  },
];

async function problemsOf(stored: Buffer, changed: readonly Extent[] = extents) {
  const { store } = await freshDeps();
  const key = formatKey({ kind: 'pack', ...shipment, sequence: 1 });
  const pack = Buffer.concat([large, small]);
  await store.create(key, stored);
  const object = { key, content: 4, bytes: pack.length, crc32: hex(crc32(pack)), extents: changed };
  const relation = (id: number) => ({ schema: 'public', name: `r${id}` });
  let bytes = 0;
  const onBytes = (some: number) => {
    bytes += some;
  };
  const problems = await verifyObject(store, { ...object, relation }, { decode: true, onBytes });
  expect(bytes).toBe(stored.length);
  return problems;
}

describe('a frame too large for memory', () => {
  const pack = Buffer.concat([large, small]);

  it('is decompressed and counted, and the next frame is read', async () => {
    expect(await problemsOf(pack)).toEqual([]);
  });

  it('is reported when one of its bits flipped, and the next frame is still read', async () => {
    for (const at of [20, large.length >> 1, large.length - 2]) {
      const flipped = Buffer.from(pack);
      flipped[at] = (flipped[at] ?? 0) ^ 0x04;
      expect(await problemsOf(flipped)).toMatchObject([
        { code: 'digest-differs', content: 4, relation: { name: 'r0' }, offset: 0 },
      ]);
    }
  });

  it('is reported when its number of rows differs from the extent', async () => {
    const [first, ...rest] = extents;
    if (first === undefined) throw new Error('there is a first extent');
    const rows = await problemsOf(pack, [{ ...first, rows: first.rows + 1 }, ...rest]);
    expect(rows).toMatchObject([{ code: 'frame-unreadable', relation: { name: 'r0' } }]);
    const bytes = await problemsOf(pack, [{ ...first, bytes: first.bytes - 1 }, ...rest]);
    expect(bytes).toMatchObject([{ code: 'frame-unreadable', message: /more than/ }]);
  });
});
