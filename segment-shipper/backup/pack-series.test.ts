import { describe, expect, it } from 'vitest';
import { EXTENTS_MAX } from '../../backup-set/base/document.ts';
import { zstd } from '../../frame/zstd/zstd.ts';
import { levelOf } from './level.ts';
import { orderedFrames } from './ordered-frames.ts';
import { extentsPerWorker, packSeries } from './pack-series.ts';

/** A store that records uploads begun and completed; `arrive` runs at the end of an upload. */
function series(packBytes: number, arrive: () => Promise<void> = () => Promise.resolve()) {
  const begun: string[] = [];
  const stored: string[] = [];
  const store = {
    async upload(key: string, source: AsyncIterable<Uint8Array>) {
      begun.push(key);
      for await (const _ of source);
      await arrive();
      stored.push(key);
      return { key, bytes: 0, modifiedAt: new Date(0) };
    },
    create: async (key: string) => void stored.push(key),
  };
  const deps = {
    store,
    clock: () => new Date(0),
    report: () => undefined,
    progress: { storedBytes: 0 },
    throttle: async () => undefined,
    signal: new AbortController().signal,
  };
  const job = { timestamp: '20260131120000', content: 0, attempt: 1, packBytes };
  return { begun, stored, packs: packSeries(job as never, 1, deps as never) };
}

const frame = { stored: Buffer.from('a frame'), counts: () => ({ rows: 1, bytes: 5 }) };
const reason = new Error('the server ended the COPY');

describe('a receipt', () => {
  it('is stored after its pack, both for a full pack and for the last one', async () => {
    const { stored, packs } = series(10, () => new Promise((resolve) => setTimeout(resolve, 20)));
    for (let n = 0; n < 3; n++) await packs.frame(n, frame);
    await packs.finish();
    expect(stored.map((key) => key.split('/')[3])).toEqual([
      'data',
      'receipts',
      'data',
      'receipts',
    ]);
  });

  it('lists at most EXTENTS_MAX extents, because the pack then ends', async () => {
    const { stored, packs } = series(1e9);
    for (let n = 0; n <= EXTENTS_MAX; n++) await packs.frame(n, frame);
    expect(stored).toHaveLength(2);
    await packs.finish();
    expect(stored).toHaveLength(4);
  });

  it('lists fewer extents where more workers share the memory', () => {
    expect([1, 4, 64].map(extentsPerWorker)).toEqual([EXTENTS_MAX, 25_000, 1_563]);
  });

  it('is never stored when the upload of its pack fails at its end', async () => {
    for (const packBytes of [1, 1e9]) {
      const { stored, packs } = series(packBytes, () => Promise.reject(reason));
      const ship = async () => {
        await packs.frame(0, frame);
        await packs.finish();
      };
      await expect(ship()).rejects.toBe(reason);
      expect(stored).toEqual([]);
    }
  });
});

describe('a pack series that was aborted', () => {
  it('stores nothing, and rejects further frames', async () => {
    const { begun, stored, packs } = series(1e9);
    await packs.frame(0, frame);
    await packs.abort(reason);
    await expect(packs.frame(0, frame)).rejects.toBe(reason);
    await packs.finish();
    expect(begun).toHaveLength(1);
    expect(stored).toEqual([]);
  });

  it('starts no upload for frames that were still being compressed', async () => {
    const { begun, stored, packs } = series(1);
    const line = orderedFrames(packs, {
      encoder: zstd.createEncoder(1e6),
      level: levelOf(1, 1, () => 0),
    });
    const rows = Buffer.alloc(1e6, 'rows\n');
    for (let n = 0; n < 3; n++)
      await line.push(n, { kind: 'rows', rows, count: 1, release: () => undefined });
    await packs.abort(reason);
    await expect(line.drain()).rejects.toBe(reason);
    expect([...begun, ...stored]).toEqual([]);
  });
});
