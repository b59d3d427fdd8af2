import { randomBytes } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { zstd } from '../../frame/zstd/zstd.ts';
import { FRAMES_PENDING_MAX } from './block-memory.ts';
import { levelOf } from './level.ts';
import { orderedFrames } from './ordered-frames.ts';
import type { PackSeries, WholeFrame } from './pack-series.ts';

const pressing = { encoder: zstd.createEncoder(1_000_000), level: levelOf(1, 1, () => 0) };

/** Packs that record what is appended; `gate` delays each frame. */
function packs(gate: (index: number) => Promise<void> = () => Promise.resolve()) {
  const frames: { relation: number; rows: Buffer; count: number; bytes: number }[] = [];
  let at = 0;
  let underWay = 0;
  const series: PackSeries = {
    carry: () => Promise.resolve(),
    async frame(relation, { stored, counts }: WholeFrame) {
      expect(++underWay).toBe(1);
      await gate(at++);
      const chunks: Uint8Array[] = [];
      for await (const chunk of stored instanceof Uint8Array ? [stored] : stored)
        chunks.push(chunk);
      const { rows, bytes } = counts();
      frames.push({
        relation,
        rows: zstdDecompressSync(Buffer.concat(chunks)),
        count: rows,
        bytes,
      });
      underWay--;
    },
    finish: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
  return { frames, series };
}

/** A block that is overwritten on release, like memory that is reused. */
function block(bytes: Buffer, released: number[] = [], id = 0) {
  const rows = Buffer.from(bytes);
  const release = () => {
    rows.fill(0);
    released.push(id);
  };
  return { kind: 'rows', rows, count: 1, release } as const;
}

describe('orderedFrames', () => {
  it('appends frames in the order of their blocks, each frame with its own rows', async () => {
    const { frames, series } = packs();
    const line = orderedFrames(series, pressing);
    // Large and small in turn: a small block is compressed before the large block that precedes it.
    const blocks = Array.from({ length: 30 }, (_, n) =>
      randomBytes(n % 2 === 0 ? 700_000 : 20 + n),
    );
    const released: number[] = [];
    for (const [n, rows] of blocks.entries()) await line.push(n, block(rows, released, n));
    await line.drain();
    expect(frames.map(({ relation }) => relation)).toEqual(blocks.map((_, n) => n));
    for (const [n, frame] of frames.entries())
      expect(frame.rows.equals(blocks[n] ?? Buffer.of())).toBe(true);
    expect(released.toSorted((a, b) => a - b)).toEqual(blocks.map((_, n) => n));
  });

  it('keeps a bounded number of frames pending while the storage is slow', async () => {
    const open = Promise.withResolvers<void>();
    const { series } = packs(() => open.promise);
    const line = orderedFrames(series, pressing);
    let pushed = 0;
    const pushing = (async () => {
      for (let n = 0; n < 10; n++) {
        await line.push(0, block(randomBytes(50_000)));
        pushed++;
      }
    })();
    await vi.waitUntil(() => pushed === FRAMES_PENDING_MAX, 30_000);
    // Time for one more.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(pushed).toBe(FRAMES_PENDING_MAX);
    open.resolve();
    await pushing;
    await line.drain();
    expect(pushed).toBe(10);
  });

  it('throws the first failure from push and drain, and releases every block', async () => {
    const { series } = packs((n) =>
      n === 2 ? Promise.reject(new Error('disk full')) : Promise.resolve(),
    );
    const line = orderedFrames(series, pressing);
    const released: number[] = [];
    const pushing = (async () => {
      for (let n = 0; n < 20; n++) await line.push(0, block(randomBytes(100_000), released, n));
    })();
    await expect(pushing).rejects.toThrow('disk full');
    await expect(line.drain()).rejects.toThrow('disk full');
    // Also blocks that were being compressed, and the block whose push was rejected.
    await expect
      .poll(() => released.toSorted((a, b) => a - b), { timeout: 20_000 })
      .toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('appends a long row after all frames before it, and counts its bytes', async () => {
    const { frames, series } = packs();
    const line = orderedFrames(series, pressing);
    const row = randomBytes(3_000_000);
    async function* chunks() {
      for (let at = 0; at < row.length; at += 100_000) yield row.subarray(at, at + 100_000);
      await Promise.resolve();
    }
    await line.push(1, block(randomBytes(500_000)));
    const counts = await line.push(2, { kind: 'long-row', chunks: chunks() });
    expect(counts).toEqual({ rows: 1, bytes: row.length });
    expect(frames.map(({ relation, bytes }) => [relation, bytes])).toEqual([
      [1, 500_000],
      [2, row.length],
    ]);
    expect(frames[1]?.rows.equals(row)).toBe(true);
  });
});
