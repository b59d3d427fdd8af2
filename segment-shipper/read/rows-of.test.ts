import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import { hex } from '../../frame/hex.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { rowsOf } from './rows-of.ts';

const signal = new AbortController().signal;
const LONG = 17 * 1024 * 1024;
const right = Buffer.alloc(LONG, 'right\n');
const wrong = Buffer.alloc(LONG, 'wrong\n');

/** A store whose reads return these objects, one after the other, whatever the key. */
function giving(...objects: readonly Buffer[]): ObjectStore {
  const left = [...objects];
  return {
    async *get(_: string, { offset = 0, length = 0 } = {}) {
      const object = left.shift();
      if (object !== undefined) yield object.subarray(offset, offset + length);
    },
  } as Partial<ObjectStore> as ObjectStore;
}

function extentOf(frame: Buffer, rows: Buffer): SourceExtent {
  const where = { key: 'a.pack', offset: 0, length: frame.length };
  return { ...where, rows: 1, bytes: rows.length, crc32: hex(crc32(frame)) };
}

describe('a frame that is too long for memory', () => {
  it('is read twice, and yields its rows', async () => {
    const frame = await zstd.encode(right, 1);
    const chunks = await Array.fromAsync(
      rowsOf(giving(frame, frame), [extentOf(frame, right)], { signal }),
    );
    expect(Buffer.concat(chunks).equals(right)).toBe(true);
  });

  it('fails when another frame is there at the second read, even one that is intact and as long', async () => {
    const frame = await zstd.encode(right, 1);
    const other = await zstd.encode(wrong, 1);
    expect(other.length).toBe(frame.length);
    const reading = Array.fromAsync(
      rowsOf(giving(frame, other), [extentOf(frame, right)], { signal }),
    );
    await expect(reading).rejects.toMatchObject({
      code: 'set/damaged',
      where: { object: 'a.pack', offset: 0 },
    });
  });

  it('yields no row when it differs from the manifest', async () => {
    const frame = await zstd.encode(right, 1);
    const other = await zstd.encode(wrong, 1);
    const rows = rowsOf(giving(other, other), [extentOf(frame, right)], { signal });
    await expect(rows.next()).rejects.toMatchObject({ code: 'set/damaged' });
  });

  it('is not reported as damaged when the store fails', async () => {
    const frame = await zstd.encode(right, 1);
    const unavailable = new StowageError('storage/unavailable', 'the network is down');
    const store = {
      async *get() {
        yield frame.subarray(0, 100);
        throw unavailable;
      },
    } as Partial<ObjectStore> as ObjectStore;
    const rows = rowsOf(store, [extentOf(frame, right)], { signal });
    await expect(rows.next()).rejects.toBe(unavailable);
  });
});

it('a read that ends before the last frame fails and names the missing frame', async () => {
  const frame = await zstd.encode(Buffer.from('right\n'), 1);
  const extent = { ...extentOf(frame, Buffer.from('right\n')) };
  const both = [extent, { ...extent, offset: frame.length }];
  const rows = Array.fromAsync(rowsOf(giving(frame), both, { signal }));
  await expect(rows).rejects.toMatchObject({
    code: 'set/damaged',
    where: { offset: frame.length },
  });
});
