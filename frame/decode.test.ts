import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decodeFrame, decodeFrameStream } from './decode.ts';

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
  Buffer.concat(await Array.fromAsync(decodeFrameStream(pieces(bytes, size), expected)));

/** Both ways of reading must hold every promise. */
const ways = {
  decodeFrame: decodeFrame,
  decodeFrameStream: (bytes: Buffer, expected: number) => collect(bytes, expected),
};

describe.each(Object.entries(ways))('%s', (_, decode) => {
  it('gives back the rows of one frame', async () => {
    expect((await decode(frame, rows.length)).equals(rows)).toBe(true);
  });

  it.each([1, 100, 70_000, 300_000])(
    'reads frames of %i random bytes, also in raw blocks',
    async (length) => {
      const noise = randomBytes(length);
      expect((await decode(compress(noise), length)).equals(noise)).toBe(true);
    },
  );

  it('reads a run of one byte', async () => {
    const zeros = Buffer.alloc(1_000_000, 0x61);
    expect((await decode(compress(zeros), zeros.length)).equals(zeros)).toBe(true);
  });

  it('refuses a flipped bit, wherever it is', async () => {
    for (let at = 0; at < frame.length; at += Math.ceil(frame.length / 97)) {
      const flipped = Buffer.from(frame);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      // Bits that mean nothing (the descriptor's unused one) may flip; the rows must then be right.
      const result = await decode(flipped, rows.length).catch((error: unknown) => error);
      if (Buffer.isBuffer(result)) expect(result.equals(rows)).toBe(true);
      else expect(result).toMatchObject({ code: 'set/damaged' });
    }
  });

  it('refuses a truncated frame at any length', async () => {
    for (const length of [0, 3, 5, 9, 100, frame.length - 4, frame.length - 1]) {
      await expect(decode(frame.subarray(0, length), rows.length)).rejects.toThrow(/cut off/);
    }
  });

  it('refuses two frames in one buffer, of which node:zlib would drop the second', async () => {
    await expect(decode(Buffer.concat([frame, frame]), rows.length * 2)).rejects.toThrow(
      /follow its end/,
    );
    await expect(decode(Buffer.concat([frame, frame]), rows.length)).rejects.toThrow(
      /follow its end/,
    );
  });

  it('refuses trailing garbage', async () => {
    await expect(decode(Buffer.concat([frame, Buffer.from([0])]), rows.length)).rejects.toThrow(
      /follow its end/,
    );
  });

  it('refuses a frame without a checksum', async () => {
    await expect(decode(compress(rows, 0), rows.length)).rejects.toThrow(/no checksum/);
  });

  it('refuses what is no frame, and a skippable frame', async () => {
    await expect(decode(rows, rows.length)).rejects.toThrow(/does not begin/);
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]);
    await expect(decode(skippable, 1)).rejects.toThrow(/does not begin/);
  });

  it('refuses more and fewer bytes than the extent says', async () => {
    await expect(decode(frame, rows.length - 1)).rejects.toThrow(/more than/);
    await expect(decode(frame, rows.length + 1)).rejects.toThrow(/not the/);
  });
});

describe('decodeFrameStream', () => {
  it('gives the same whatever the chunks', async () => {
    for (const size of [7, 1000, frame.length]) {
      expect((await collect(frame, rows.length, size)).equals(rows)).toBe(true);
    }
  });

  it('throws what its source throws', async () => {
    async function* broken() {
      yield frame.subarray(0, 50);
      throw new Error('connection reset');
    }
    await expect(Array.fromAsync(decodeFrameStream(broken(), rows.length))).rejects.toThrow(
      'connection reset',
    );
  });

  it('may be left early', async () => {
    for await (const chunk of decodeFrameStream(pieces(frame, 100), rows.length)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});
