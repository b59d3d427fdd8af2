import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../frame/hex.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { partRows, type RelationPart } from './part-rows.ts';

const signal = new AbortController().signal;
const ROWS = Buffer.from('1\ta\n2\tb\n');

async function reading(rows: number, text = ROWS): Promise<string> {
  const frame = await zstd.encode(text, 1);
  const requests: unknown[] = [];
  const store = {
    async *get(key: string, range: { offset: number; length: number }) {
      requests.push([key, range.offset, range.length]);
      yield frame;
    },
  } as Partial<ObjectStore> as ObjectStore;
  const part: RelationPart = {
    timestamp: '20260101000000',
    content: 3,
    encoding: 'UTF8',
    schema: 's',
    name: 't',
    columns: ['a', 'b'],
    rows,
    bytes: text.length,
    extents: [
      {
        key: 'older.pack',
        offset: 7,
        length: frame.length,
        rows,
        bytes: text.length,
        crc32: hex(crc32(frame)),
      },
    ],
  };
  const chunks = await Array.fromAsync(partRows(store, part, { signal }), (chunk) =>
    Buffer.from(chunk),
  );
  expect(requests).toEqual([['older.pack', 7, frame.length]]);
  return Buffer.concat(chunks).toString();
}

describe('the rows of a part', () => {
  it('are those of its frames, read by their ranges', async () => {
    expect(await reading(2)).toBe(ROWS.toString());
  });

  it('fail when there are fewer than the manifest says', async () => {
    await expect(reading(3)).rejects.toMatchObject({
      code: 'set/damaged',
      message: 'set 20260101000000, content 3: the rows of s.t are 2; the manifest says 3',
      where: { set: '20260101000000', content: 3, relation: 's.t' },
    });
  });

  it('fail when they end inside a row', async () => {
    await expect(reading(2, Buffer.from('1\ta\n2\tb'))).rejects.toThrow(/end inside a row/);
  });
});
