import { describe, expect, test } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { parseKey } from '../../../backup-set/base/keys.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { digestOf, digestText } from '../../../frame/digest.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { levelOf } from '../level.ts';
import { orderedFrames } from '../ordered-frames.ts';
import { packSeries } from '../pack-series.ts';
import { baseIndex } from './base-index.ts';

const rowsOf = (letter: string) => Buffer.from(`${letter.repeat(2000)}\n`);

/** Ships blocks over a base that has the rows `A` of relation 1, as its extent 42. */
async function ship(blocks: readonly { relation: number; letter: string }[]) {
  const base = baseIndex();
  base.add({ relation: 1, rowFormat: undefined }, 42, digestOf(rowsOf('A')));
  const receipts: Receipt[] = [];
  const packs: string[] = [];
  let released = 0;
  const store = {
    async upload(key: string, source: AsyncIterable<Uint8Array>) {
      packs.push(key);
      for await (const _ of source);
      return { key, bytes: 0, modifiedAt: new Date(0) };
    },
    create: async (key: string, bytes: Uint8Array) =>
      void receipts.push(decode(Receipt, { key, bytes })),
  };
  const reports: { carriedBytes?: number; storedBytes?: number }[] = [];
  const deps = {
    store,
    clock: () => new Date(0),
    report: (report: never) => void reports.push(report),
    progress: { storedBytes: 0 },
    throttle: async () => undefined,
    signal: new AbortController().signal,
  };
  const job = { timestamp: '20260131120000', content: 0, attempt: 1, packBytes: 1e9 };
  const series = packSeries(job as never, 1, deps as never);
  const level = levelOf(1, 1, () => 0);
  const frames = orderedFrames(series, { encoder: zstd.createEncoder(4096), level, base });
  for (const { relation, letter } of blocks) {
    const rows = rowsOf(letter);
    const block = { kind: 'rows', rows, count: 1, release: () => void released++ } as const;
    await frames.push(relation, block);
  }
  await frames.drain();
  await series.finish();
  return { receipts, packs, reports, released };
}

describe('a block of rows', () => {
  test('that the base has is neither compressed nor uploaded, but named in a receipt', async () => {
    const { receipts, packs, reports, released } = await ship([{ relation: 1, letter: 'A' }]);
    expect(packs).toEqual([]);
    expect(released).toBe(1);
    const digest = digestText(digestOf(rowsOf('A')));
    expect(receipts).toMatchObject([
      {
        kind: 'carried',
        sequence: 1,
        extents: [{ relation: 1, from: 42, rows: 1, bytes: 2001, digest }],
      },
    ]);
    expect(reports).toMatchObject([{ type: 'receipt', storedBytes: 0, carriedBytes: 2001 }]);
  });

  test('is stored with its digest when the base has it no more, or not for its relation', async () => {
    const { receipts, packs, released } = await ship([
      { relation: 1, letter: 'A' },
      { relation: 1, letter: 'A' },
      { relation: 2, letter: 'A' },
      { relation: 1, letter: 'B' },
    ]);
    expect(released).toBe(4);
    expect(packs.map((key) => parseKey(key))).toMatchObject([{ kind: 'pack', sequence: 1 }]);
    expect(receipts.map(({ kind, sequence }) => [kind, sequence])).toEqual([
      ['pack', 1],
      ['carried', 2],
    ]);
    const [pack] = receipts;
    if (pack?.kind !== 'pack') throw new Error('no receipt of a pack');
    expect(pack.extents.map(({ relation, digest }) => [relation, digest])).toEqual(
      [
        [1, 'A'],
        [2, 'A'],
        [1, 'B'],
      ].map(([relation, letter]) => [relation, digestText(digestOf(rowsOf(String(letter))))]),
    );
  });
});
