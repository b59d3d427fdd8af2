import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zstd } from './zstd.ts';

const rows = Buffer.from(
  Array.from({ length: 5_000 }, (_, i) => `${i}\tplace ${i * 7}\t\\N\n`).join(''),
);

/**
 * RFC 8878, 3.1.1.1.1: bit 2 is set if a content checksum follows the blocks, bits 7, 6 and 5 if
 * the header states the content size.
 */
const descriptorOf = (frame: Buffer) => frame[4] ?? 0;
const hasChecksum = (frame: Buffer) => (descriptorOf(frame) & 0b100) !== 0;
const hasContentSize = (frame: Buffer) => (descriptorOf(frame) & 0b1110_0000) !== 0;

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('encode of the zstd codec', () => {
  it('writes frames with a checksum and their content size at every level', async () => {
    for (const level of [1, 3, 19]) {
      const frame = Buffer.from(await zstd.encode(rows, level));
      expect(hasChecksum(frame)).toBe(true);
      expect(hasContentSize(frame)).toBe(true);
      expect((await zstd.decode(frame, rows.length)).equals(rows)).toBe(true);
    }
  });

  it('writes frames that the zstd program decompresses when they are concatenated', async () => {
    const long = await Array.fromAsync(zstd.encodeLong(pieces(rows, 1000), 1));
    const pack = Buffer.concat([
      await zstd.encode(rows, 1),
      ...long,
      await zstd.encode(Buffer.from('\n'), 1),
    ]);
    const back = execFileSync('zstd', ['-dc'], { input: pack, maxBuffer: 1 << 26 });
    expect(back.equals(Buffer.concat([rows, rows, Buffer.from('\n')]))).toBe(true);
  });
});

describe('an encoder of the zstd codec', () => {
  /** Random and repeated bytes: frames of every size follow each other in one output buffer. */
  const some = fc.record({
    bytes: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 16_000, max: 400_000 })),
    random: fc.boolean(),
  });
  const rowsOf = ({ bytes, random }: { bytes: number; random: boolean }) =>
    random ? randomBytes(bytes) : Buffer.alloc(bytes, rows.subarray(0, 1 + (bytes % 5000)));

  it('writes one whole frame for each block of rows, however many there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(some, { minLength: 1, maxLength: 25 }), async (wanted) => {
        // Some blocks are larger than this bound: they are encoded on the slower path.
        const encoder = zstd.createEncoder(200_000);
        for (const each of wanted.map(rowsOf)) {
          const { stored, release } = await encoder.encode(each, 1);
          const frame = Buffer.from(stored);
          release();
          expect((await zstd.decode(frame, each.length)).equals(each)).toBe(true);
          expect(hasChecksum(frame)).toBe(true);
          expect(hasContentSize(frame)).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('does not mix frames that are encoded at the same time at several levels', async () => {
    const encoder = zstd.createEncoder(300_000);
    const all = Array.from({ length: 40 }, (_, n) =>
      rowsOf({ bytes: 50_000 + n * 6_000, random: n % 3 === 0 }),
    );
    const frames = await Promise.all(all.map((each, n) => encoder.encode(each, 1 + (n % 4))));
    for (const [n, { stored }] of frames.entries())
      expect(
        (await zstd.decode(Buffer.from(stored), all[n]?.length ?? 0)).equals(all[n] ?? Buffer.of()),
      ).toBe(true);
  });

  it('does not change a returned frame while it encodes the next ones', async () => {
    const encoder = zstd.createEncoder(300_000);
    const first = await encoder.encode(rowsOf({ bytes: 300_000, random: true }), 1);
    const kept = Buffer.from(first.stored);
    for (let n = 0; n < 20; n++)
      (await encoder.encode(rowsOf({ bytes: 100_000, random: true }), 1)).release();
    expect(kept.equals(first.stored)).toBe(true);
  });

  it('frees the memory of released frames at once', async () => {
    const encoder = zstd.createEncoder(300_000);
    const frames = [];
    for (let n = 0; n < 10; n++)
      frames.push(await encoder.encode(rowsOf({ bytes: 300_000, random: true }), 1));
    for (const { release } of frames) release();
    // The last stream may have room for another frame, and keeps its buffer.
    const left = frames.filter(({ stored }) => stored.buffer.byteLength > 0);
    expect(left.length).toBeLessThanOrEqual(1);
  });
});

describe('encodeLong of the zstd codec', () => {
  it.each([1, 64 * 1024, 3_000_000])(
    'writes one frame with a checksum from pieces of %i bytes',
    async (size) => {
      const bytes =
        size === 1 ? rows.subarray(0, 5000) : Buffer.concat([randomBytes(3_000_000), rows]);
      const frame = Buffer.concat(await Array.fromAsync(zstd.encodeLong(pieces(bytes, size), 1)));
      expect(hasChecksum(frame)).toBe(true);
      // decode rejects everything but one whole frame.
      expect((await zstd.decode(frame, bytes.length)).equals(bytes)).toBe(true);
    },
  );

  it('writes one frame for a slow reader, and reads at most 2.5 MB ahead of it', async () => {
    const bytes = randomBytes(4_000_000);
    let fed = 0;
    let taken = 0;
    let ahead = 0;
    const source = async function* () {
      for await (const piece of pieces(bytes, 100_000)) {
        fed += piece.length;
        ahead = Math.max(ahead, fed - taken);
        yield piece;
      }
    };
    const out: Buffer[] = [];
    for await (const chunk of zstd.encodeLong(source(), 1)) {
      out.push(chunk);
      taken += chunk.length;
      await sleep(1);
    }
    expect((await zstd.decode(Buffer.concat(out), bytes.length)).equals(bytes)).toBe(true);
    expect(ahead).toBeLessThan(2_500_000);
  });

  it('throws the error of its source, before and after the first byte', async () => {
    for (const before of [0, 2_000_000]) {
      const source = async function* () {
        if (before > 0) yield randomBytes(before);
        throw new Error('the server went away');
      };
      await expect(Array.fromAsync(zstd.encodeLong(source(), 1))).rejects.toThrow(
        'the server went away',
      );
    }
  });

  it.each([0, 1, 50])('closes its source when the reader stops after %i ms', async (ms) => {
    let closed = false;
    const source = async function* () {
      try {
        for (;;) yield randomBytes(2_000_000);
      } finally {
        closed = true;
      }
    };
    for await (const _ of zstd.encodeLong(source(), 1)) {
      // After this pause a write waits for the reader.
      await sleep(ms);
      break;
    }
    expect(closed).toBe(true);
  });
});
