import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zstdFrames } from './zstd-frames.ts';

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const decoded = async (bytes: Buffer, size: number) =>
  Buffer.concat(await Array.fromAsync(zstdFrames(inChunks(bytes, size)))).toString();

const SKIPPABLE = Buffer.from('502a4d180400000001020304', 'hex');

describe('a zstd file', () => {
  it('is read to its end, whatever frames and chunks it has', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 2000 }),
        async (texts, size) => {
          const frames = texts.map((text) => zstdCompressSync(Buffer.from(text)));
          expect(await decoded(Buffer.concat(frames), size)).toBe(texts.join(''));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('may have frames without data, which are skipped', async () => {
    const frame = zstdCompressSync(Buffer.from('a\n'));
    expect(await decoded(Buffer.concat([frame, SKIPPABLE, frame]), 7)).toBe('a\na\n');
  });

  it('may become much longer than it is', async () => {
    const frame = zstdCompressSync(Buffer.alloc(5_000_000, 'x'));
    expect((await decoded(Buffer.concat([frame, frame]), 100_000)).length).toBe(10_000_000);
  });

  it.each([1, 50, 1000])('cut off in its second frame is an error (chunks of %d)', async (size) => {
    const frame = zstdCompressSync(Buffer.from('some rows of a table\n'));
    const cut = Buffer.concat([frame, frame.subarray(0, frame.length - 5)]);
    await expect(decoded(cut, size)).rejects.toThrow(/unexpected end of file/);
  });

  it('with other bytes behind its end is an error', async () => {
    const frame = zstdCompressSync(Buffer.from('a\n'));
    await expect(decoded(Buffer.concat([frame, Buffer.from('garbage')]), 500)).rejects.toThrow();
  });
});
