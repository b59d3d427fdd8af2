import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { cuttingFor } from '../../../database/copy-wire/cutting.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import { messageHash } from '../../../database/copy-wire/testing/splitter-reference.ts';
import { BINARY_END, BINARY_HEADER } from '../../../frame/rows/binary.ts';
import { countRows } from '../../../frame/rows/count.ts';
import { binaryRow } from '../../../frame/rows/testing.ts';
import { binaryBlocks } from './binary-blocks.ts';

const FRAME_BYTES = 32 * 1024;
const BLOCKS = 3;
const cutting = cuttingFor(FRAME_BYTES);
/** What fits into a block. */
const BUFFER_BYTES = cutting.blockBytesMax;

/** A chunk is overwritten when the next one is requested. */
async function* chunked(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const chunk = Buffer.from(bytes.subarray(at, at + (sizes[n % sizes.length] ?? 1)));
    at += chunk.length;
    yield chunk;
    chunk.fill(0xee);
  }
}

interface Cut {
  readonly kind: 'rows' | 'long-row';
  readonly bytes: Buffer;
}

/** As `orderedFrames` does: blocks are read late, then released and overwritten. */
async function cut(source: AsyncIterable<Uint8Array>): Promise<Cut[]> {
  const cuts: Cut[] = [];
  let held: Extract<RowBlock, { kind: 'rows' }> | undefined;
  const use = () => {
    if (held === undefined) return;
    const bytes = Buffer.from(held.rows);
    expect(countOf(bytes)).toBe(held.count);
    cuts.push({ kind: 'rows', bytes });
    held.rows.fill(0xee);
    held.release();
    held = undefined;
  };
  const arena = blockArena({ connections: 1, blocks: BLOCKS, frameBytes: FRAME_BYTES });
  for await (const block of binaryBlocks(source, arena)) {
    use();
    if (block.kind === 'rows') {
      held = block;
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of block.chunks) chunks.push(Buffer.from(chunk));
    cuts.push({ kind: 'long-row', bytes: Buffer.concat(chunks) });
  }
  use();
  return cuts;
}

function countOf(bytes: Buffer): number | undefined {
  const count = countRows('binary');
  count.feed(bytes);
  return count.count();
}

/** Where note 16 says that blocks end. */
function cutByHash(rows: readonly Buffer[]): Cut[] {
  const cuts: Cut[] = [];
  let block: Buffer[] = [];
  const end = () => {
    if (block.length > 0) cuts.push({ kind: 'rows', bytes: Buffer.concat(block) });
    block = [];
  };
  for (const row of rows) {
    const before = block.reduce((sum, { length }) => sum + length, 0);
    if (before + row.length > cutting.blockBytesMax) end();
    if (row.length > cutting.blockBytesMax) {
      cuts.push({ kind: 'long-row', bytes: row });
      continue;
    }
    block.push(row);
    const length = block.reduce((sum, each) => sum + each.length, 0);
    if (length >= cutting.blockBytesMin && messageHash(row) < row.length * cutting.factor) end();
  }
  end();
  return cuts;
}

const copyOf = (rows: readonly Buffer[]) => Buffer.concat([BINARY_HEADER, ...rows, BINARY_END]);
/** Random bytes, so that a value can look like the end of a COPY. */
const ofLength = (length: number, seed: number) =>
  binaryRow([
    null,
    Buffer.from(Array.from({ length }, (_, at) => ((at * 31 + seed) % 5 === 0 ? 0xff : at))),
  ]);

const lengths = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 300 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 70_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: BUFFER_BYTES - 30, max: BUFFER_BYTES + 70_000 }) },
  ),
  { maxLength: 40 },
);

describe('the blocks of a COPY BINARY', () => {
  it('have every byte of the rows, in whole rows, without header and end', async () => {
    await fc.assert(
      fc.asyncProperty(
        lengths,
        fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 3 }),
        async (all, sizes) => {
          fc.pre(Math.max(...sizes) > 100);
          const rows = all.map(ofLength);
          const cuts = await cut(chunked(copyOf(rows), sizes));
          expect(Buffer.concat(cuts.map(({ bytes }) => bytes)).equals(Buffer.concat(rows))).toBe(
            true,
          );
          for (const { kind, bytes } of cuts) {
            const count = countOf(bytes);
            if (kind === 'long-row') expect(count).toBe(1);
            else expect(count).toBeGreaterThan(0);
            if (kind === 'rows') expect(bytes.length).toBeLessThanOrEqual(BUFFER_BYTES);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('end where the hash of a row says so, so that they are the same again behind a change', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            lengths.filter((all) => all.length > 0),
            fc.constant([900, 30]),
          ),
          {
            minLength: 10,
            maxLength: 60,
          },
        ),
        async (all) => {
          const rows = all.flat().map(ofLength);
          expect(await cut(chunked(copyOf(rows), [70_000, 333]))).toEqual(cutByHash(rows));
        },
      ),
      { numRuns: 10 },
    );
  });

  it('are the same for the same rows, in chunks of any length', async () => {
    const rows = [10, 900, 20, 5_000, BUFFER_BYTES, 3, 400, 400, 400, 70_000, 1].map(ofLength);
    const whole = await cut(chunked(copyOf(rows), [1 << 30]));
    expect(whole.some(({ kind }) => kind === 'long-row')).toBe(true);
    for (const sizes of [[1_000], [7, 65_536], [90_001]])
      expect(await cut(chunked(copyOf(rows), sizes))).toEqual(whole);
  });

  it('are none for a table without rows, and count rows without columns', async () => {
    expect(await cut(chunked(copyOf([]), [1]))).toEqual([]);
    const none = Array.from({ length: 5 }, () => binaryRow([]));
    expect((await cut(chunked(copyOf(none), [3]))).map(({ bytes }) => countOf(bytes))).toEqual([5]);
  });

  const row = binaryRow([Buffer.from('abc')]);
  it.each([
    ['has no header', Buffer.concat([row, BINARY_END])],
    ['has OIDs, by a flag in its header', copyOf([row]).fill(1, 13, 14)],
    ['ends without its end', Buffer.concat([BINARY_HEADER, row])],
    ['ends in the middle of a row', Buffer.concat([BINARY_HEADER, row.subarray(0, 8)])],
    ['goes on after its end', Buffer.concat([copyOf([row]), row])],
    ['has bytes that are not rows', copyOf([Buffer.from('0001fffffff0', 'hex')])],
  ])('fail when the COPY %s', async (_, bytes) => {
    for (const size of [1, 5, 1_000])
      await expect(cut(chunked(bytes, [size]))).rejects.toMatchObject({ code: 'database/failed' });
  });
});
