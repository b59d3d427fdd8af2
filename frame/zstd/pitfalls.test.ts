import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Config } from '../../cli/config/schema.ts';
import { CONTROL_VERSION, Job } from '../../segment-shipper/protocol/control.ts';
import { zstd } from './zstd.ts';

// Ways in which zstd in Node loses data without an error; each one was observed.
// decode.test.ts covers truncated frames and frames after the first.

/** 9 MB of rows: with fewer, nothing is lost. */
const rows = Buffer.from(
  Array.from({ length: 400_000 }, (_, i) => `${i}\tplace ${i * 7}\t\\N\n`).join(''),
);

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('frames of many megabytes', () => {
  // With nbWorkers >= 1 the one-shot function returns nothing and no error; a stream ends early.
  it('hold all rows that were encoded', async () => {
    expect((await zstd.decode(await zstd.encode(rows, 1), rows.length)).equals(rows)).toBe(true);
    const long = Buffer.concat(await Array.fromAsync(zstd.encodeLong(pieces(rows, 100_000), 1)));
    expect((await zstd.decode(long, rows.length)).equals(rows)).toBe(true);
  });

  it('are never encoded with threads of zstd: no file of the product sets nbWorkers', async () => {
    const root = new URL('../..', import.meta.url);
    for (const folder of [
      'async',
      'backup-set',
      'frame',
      'storage',
      'database',
      'segment-shipper',
      'functions',
      'cli',
    ]) {
      const names = (await readdir(new URL(folder, root), { recursive: true })).filter(
        (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
      );
      for (const name of names) {
        const source = await readFile(new URL(`${folder}/${name}`, root), 'utf8');
        expect(source, `${folder}/${name}`).not.toMatch(/ZSTD_c_nbWorkers/);
      }
    }
  });
});

describe('a flipped bit', () => {
  /** zstd stores these bytes as they are, so that only a checksum detects a change. */
  const noise = Buffer.concat(
    Array.from({ length: 32 }, (_, i) => createHash('sha256').update(String(i)).digest()),
  );
  const flipped = (frame: Buffer) => {
    const copy = Buffer.from(frame);
    copy[500] = (copy[500] ?? 0) ^ 1;
    return copy;
  };

  it('in a frame with a checksum is detected by this codec and by the zstd of Node', async () => {
    const frames = [
      await zstd.encode(noise, 1),
      Buffer.concat(await Array.fromAsync(zstd.encodeLong(pieces(noise, 100), 1))),
    ];
    for (const frame of frames) {
      expect(() => zstdDecompressSync(flipped(frame))).toThrow(/checksum/i);
      await expect(zstd.decode(flipped(frame), noise.length)).rejects.toMatchObject({
        code: 'set/damaged',
      });
    }
  });

  it('in a frame without a checksum is not detected, so such a frame is rejected', async () => {
    const bare = zstdCompressSync(noise, { params: { [constants.ZSTD_c_checksumFlag]: 0 } });
    const decoded = zstdDecompressSync(flipped(bare));
    expect(decoded.length).toBe(noise.length);
    expect(decoded.equals(noise)).toBe(false);
    await expect(zstd.decode(bare, noise.length)).rejects.toThrow(/no checksum/);
  });
});

describe('a level that zstd silently replaces by another one', () => {
  const levels = [-1, 0, 20, 1.5];

  it('is rejected in the configuration and in a job', () => {
    const segments = [{ content: 0, host: 'db0' }];
    const configured = (zstdLevel: number) =>
      Config.safeParse({ root: 'file:///x', database: 'd', segments, backup: { zstdLevel } })
        .success;
    const ordered = (level: number) => Job.safeParse(jobAt(level)).success;
    expect([1, 19].map(configured)).toEqual([true, true]);
    expect([1, 19].map(ordered)).toEqual([true, true]);
    expect(levels.map(configured)).toEqual([false, false, false, false]);
    expect(levels.map(ordered)).toEqual([false, false, false, false]);
  });

  it('is for example −1, which gives the bytes of level 3', () => {
    const at = (level: number) =>
      zstdCompressSync(rows.subarray(0, 500_000), {
        params: { [constants.ZSTD_c_compressionLevel]: level },
      });
    expect(at(-1).equals(at(3))).toBe(true);
    expect(at(1).equals(at(3))).toBe(false);
  });
});

function jobAt(level: number) {
  return {
    control: CONTROL_VERSION,
    type: 'backup',
    content: 0,
    target: { host: 'db0', port: 5432, database: 'd', user: 'u' },
    store: { root: 'file:///x' },
    workers: 1,
    fifoBase: '/tmp',
    timestamp: '20260131120000',
    attempt: 1,
    encoding: 'UTF8',
    frameBytes: 4096,
    packBytes: 65_536,
    level,
    metadata: [],
    collect: false,
    relations: [],
  };
}
