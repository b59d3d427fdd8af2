import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import { hex } from '../../frame/hex.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { readText } from './read-text.ts';
import { rowsOf } from './rows-of.ts';

const signal = new AbortController().signal;
const KEY = 'a.pack';
const LONG_BYTES = 20 * 1024 * 1024;

let directory = '';
let store: ObjectStore;
let contents: Buffer[] = [];
let frames: Buffer[] = [];
let extents: SourceExtent[] = [];

async function* once(bytes: Buffer) {
  yield bytes;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-fetch-'));
  store = await openStore({ root: `file://${directory}` });
  const text = (n: number) =>
    Buffer.from(Array.from({ length: 2000 }, (_, i) => `${n}\trow ${i}\n`).join(''));
  const long = Buffer.concat([
    randomBytes(LONG_BYTES - 1).map((byte) => (byte === 10 ? 11 : byte)),
    Buffer.from('\n'),
  ]);
  contents = [text(0), text(1), long, text(3)];
  frames = await Promise.all(
    contents.map(async (rows) =>
      rows === long
        ? Buffer.concat(await Array.fromAsync(zstd.encodeLong(once(rows), 1)))
        : Buffer.from(await zstd.encode(rows, 1)),
    ),
  );
  let offset = 0;
  extents = frames.map((frame, n) => {
    const extent = {
      key: KEY,
      offset,
      length: frame.length,
      rows: n === 2 ? 1 : 2000,
      bytes: contents[n]?.length ?? 0,
      crc32: hex(crc32(frame)),
    };
    offset += frame.length;
    return extent;
  });
  await put(Buffer.concat(frames));
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function put(bytes: Buffer): Promise<void> {
  await writeFile(join(directory, KEY), bytes);
}

/** The rows yielded before the failure, and the failure. */
async function read(wanted: readonly SourceExtent[]): Promise<{ rows: Buffer; error: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of rowsOf(store, wanted, { signal })) chunks.push(Buffer.from(chunk));
  } catch (error) {
    return { rows: Buffer.concat(chunks), error };
  }
  return { rows: Buffer.concat(chunks), error: undefined };
}

const changed = (n: number, change: Partial<SourceExtent>) =>
  extents.map((extent, index) => (index === n ? { ...extent, ...change } : extent));

describe('rowsOf', () => {
  it('yields the rows of every extent in order, also of a frame too long for memory', async () => {
    const { rows, error } = await read(extents);
    expect(error).toBeUndefined();
    expect(rows.equals(Buffer.concat(contents))).toBe(true);
  });

  it('yields the rows of extents that are not neighbours', async () => {
    const wanted = [extents[3], extents[0]].filter((extent) => extent !== undefined);
    expect((await read(wanted)).rows.toString()).toBe(
      `${contents[3]?.toString()}${contents[0]?.toString()}`,
    );
  });

  it('yields nothing when there are no extents', async () => {
    expect(await read([])).toEqual({ rows: Buffer.alloc(0), error: undefined });
  });

  it.each([0, 1, 2, 3])(
    'yields nothing of frame %i when one of its bytes is flipped',
    async (n) => {
      const extent = extents[n] as SourceExtent;
      for (const at of [4, Math.floor(extent.length / 2), extent.length - 1]) {
        const bytes = Buffer.concat(frames);
        bytes[extent.offset + at] = (bytes[extent.offset + at] ?? 0) ^ 0x04;
        await put(bytes);
        const { rows, error } = await read(extents);
        expect(error).toMatchObject({
          code: 'set/damaged',
          where: { object: KEY, offset: extent.offset },
        });
        const before = Buffer.concat(contents.slice(0, n));
        expect(rows.length).toBeLessThanOrEqual(before.length);
        expect(before.subarray(0, rows.length).equals(rows)).toBe(true);
      }
      await put(Buffer.concat(frames));
    },
  );

  it('yields nothing of a frame that is cut off', async () => {
    const whole = Buffer.concat(frames);
    for (const n of [0, 2, 3]) {
      const { offset, length } = extents[n] as SourceExtent;
      await put(whole.subarray(0, offset + length - 1));
      const { rows, error } = await read(extents);
      expect(error).toBeDefined();
      expect(rows.length).toBeLessThanOrEqual(Buffer.concat(contents.slice(0, n)).length);
    }
    await put(whole);
  });

  it.each([
    ['another CRC-32', { crc32: '00000000' }],
    ['fewer bytes', { bytes: 100 }],
    ['more bytes', { bytes: 1_000_000 }],
    ['fewer bytes for a long frame', { bytes: LONG_BYTES - 1 }, 2],
    ['more bytes for a long frame', { bytes: LONG_BYTES + 1 }, 2],
    ['another CRC-32 for a long frame', { crc32: '00000000' }, 2],
    ['a shorter length', { length: 50 }],
  ] as [string, Partial<SourceExtent>, number?][])(
    'yields nothing of a frame for which the manifest says %s',
    async (_, change, n = 1) => {
      const { rows, error } = await read(changed(n, change));
      expect(error).toMatchObject({ code: 'set/damaged' });
      expect(rows.length).toBeLessThanOrEqual(Buffer.concat(contents.slice(0, n)).length);
    },
  );
});

describe('a text of the metadata', () => {
  const KEY_OF_TEXT = 'sequences.sql.zst';
  const storedAs = async (bytes: Buffer, change = {}) => {
    await writeFile(join(directory, KEY_OF_TEXT), bytes);
    return { key: KEY_OF_TEXT, bytes: bytes.length, crc32: hex(crc32(bytes)), ...change };
  };
  const read = async (bytes: Buffer, change = {}) =>
    (await readText(store, await storedAs(bytes, change), { signal })).toString();

  it('is read as it was written', async () => {
    expect(await read(zstdCompressSync('SELECT 1;\n'))).toBe('SELECT 1;\n');
  });

  it.each([
    ['grows from some KiB to 128 MiB', zstdCompressSync(Buffer.alloc(128 * 1024 * 1024)), {}],
    ['is not a zstd frame', Buffer.from('SELECT 1;'), {}],
    [
      'has 10 GiB according to the manifest',
      zstdCompressSync('SELECT 1;'),
      { bytes: 10 * 1024 ** 3 },
    ],
    ['has a wrong digest', zstdCompressSync('SELECT 1;'), { crc32: '00000000' }],
  ])('that %s is reported as damaged', async (_, bytes, change) => {
    const where = { object: KEY_OF_TEXT, offset: 0 };
    await expect(read(bytes, change)).rejects.toMatchObject({ code: 'set/damaged', where });
  });
});
