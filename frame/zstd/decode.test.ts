import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { zstd } from './zstd.ts';

const rows = Buffer.from(
  Array.from({ length: 20_000 }, (_, i) => `${i}\tplace ${i * 7}\t\\N\n`).join(''),
);
const compress = (bytes: Buffer, checksum = 1) =>
  zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
const frame = compress(rows);

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const collect = async (bytes: Buffer, expected: number, size = 1000) =>
  Buffer.concat(await Array.fromAsync(zstd.decodeLong(pieces(bytes, size), expected)));

/** Every test below runs with both functions. */
const ways = {
  decode: zstd.decode,
  decodeLong: (bytes: Buffer, expected: number) => collect(bytes, expected),
};

describe.each(Object.entries(ways))('%s of the zstd codec', (_, decode) => {
  it('returns the rows of one frame', async () => {
    expect((await decode(frame, rows.length)).equals(rows)).toBe(true);
  });

  it.each([1, 100, 70_000, 300_000])(
    'reads a frame of %i random bytes, which zstd stores in raw blocks',
    async (length) => {
      const noise = randomBytes(length);
      expect((await decode(compress(noise), length)).equals(noise)).toBe(true);
    },
  );

  it('reads a frame that repeats one byte', async () => {
    const zeros = Buffer.alloc(1_000_000, 0x61);
    expect((await decode(compress(zeros), zeros.length)).equals(zeros)).toBe(true);
  });

  it('rejects a frame with a flipped bit at any place', async () => {
    for (let at = 0; at < frame.length; at += Math.ceil(frame.length / 97)) {
      const flipped = Buffer.from(frame);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      // A bit without meaning (the unused one of the descriptor) may flip; the rows stay right.
      const result = await decode(flipped, rows.length).catch((error: unknown) => error);
      if (Buffer.isBuffer(result)) expect(result.equals(rows)).toBe(true);
      else expect(result).toMatchObject({ code: 'set/damaged' });
    }
  });

  it('rejects a truncated frame of any length', async () => {
    for (const length of [0, 3, 5, 9, 100, frame.length - 4, frame.length - 1]) {
      await expect(decode(frame.subarray(0, length), rows.length)).rejects.toThrow(/truncated/);
    }
  });

  it('rejects two frames in one buffer, where node:zlib ignores the second', async () => {
    await expect(decode(Buffer.concat([frame, frame]), rows.length * 2)).rejects.toThrow(
      /follow its end/,
    );
    await expect(decode(Buffer.concat([frame, frame]), rows.length)).rejects.toThrow(
      /follow its end/,
    );
  });

  it('rejects trailing bytes', async () => {
    await expect(decode(Buffer.concat([frame, Buffer.from([0])]), rows.length)).rejects.toThrow(
      /follow its end/,
    );
  });

  it('rejects a frame without a checksum', async () => {
    await expect(decode(compress(rows, 0), rows.length)).rejects.toThrow(/no checksum/);
  });

  it('rejects bytes that are not a zstd frame, and a skippable frame', async () => {
    await expect(decode(rows, rows.length)).rejects.toThrow(/does not begin/);
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]);
    await expect(decode(skippable, 1)).rejects.toThrow(/does not begin/);
  });

  it('rejects a frame with more or fewer bytes of rows than its extent promises', async () => {
    await expect(decode(frame, rows.length - 1)).rejects.toThrow(/more than/);
    await expect(decode(frame, rows.length + 1)).rejects.toThrow(/instead of/);
  });
});

describe('decodeLong', () => {
  it('returns the same rows for chunks of any size', async () => {
    for (const size of [7, 1000, frame.length]) {
      expect((await collect(frame, rows.length, size)).equals(rows)).toBe(true);
    }
  });

  it('throws the error of its source', async () => {
    async function* broken() {
      yield frame.subarray(0, 50);
      throw new Error('connection reset');
    }
    await expect(Array.fromAsync(zstd.decodeLong(broken(), rows.length))).rejects.toThrow(
      'connection reset',
    );
  });

  it('stops when its reader stops early', async () => {
    for await (const chunk of zstd.decodeLong(pieces(frame, 100), rows.length)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});
