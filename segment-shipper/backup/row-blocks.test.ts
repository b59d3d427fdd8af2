import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockArena } from '../../database/copy-wire/block-arena.ts';
import { cuttingFor } from '../../database/copy-wire/cutting.ts';
import type { RowBlock } from '../../database/copy-wire/row-block.ts';
import { referenceBlocks } from '../../database/copy-wire/testing/splitter-reference.ts';
import { rowBlocks } from './row-blocks.ts';

/** Cuts a stream at the given places; a chunk is overwritten when the next one is requested. */
async function* chunked(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const chunk = Buffer.from(bytes.subarray(at, at + (sizes[n % sizes.length] ?? 1)));
    at += chunk.length;
    yield chunk;
    chunk.fill(0xff);
  }
}

interface Cut {
  readonly kind: 'rows' | 'long-row';
  readonly bytes: Buffer;
}

const BLOCKS = 3;

const countRows = (bytes: Buffer) => bytes.filter((byte) => byte === 0x0a).length;

const arenaFor = (frameBytes: number) => blockArena({ connections: 1, blocks: BLOCKS, frameBytes });

/**
 * Reads as `orderedFrames` does: a few blocks are held at once, each is read in its turn and then
 * released, to be filled again; a long row is read at once.
 */
async function cut(source: AsyncIterable<Buffer>, blockBytes: number): Promise<Cut[]> {
  const cuts: Cut[] = [];
  const held: Extract<RowBlock, { kind: 'rows' }>[] = [];
  let turn = 0;
  const use = (most: number) => {
    while (held.length > most) {
      const block = held.shift();
      if (block === undefined) return;
      const bytes = Buffer.from(block.rows);
      expect(block.count).toBe(countRows(bytes));
      cuts.push({ kind: 'rows', bytes });
      block.rows.fill(0xff);
      block.release();
    }
  };
  for await (const block of rowBlocks(source, arenaFor(blockBytes))) {
    if (block.kind === 'rows') {
      held.push(block);
      use(turn++ % BLOCKS);
      continue;
    }
    use(0);
    const chunks: Buffer[] = [];
    for await (const chunk of block.chunks) chunks.push(Buffer.from(chunk));
    cuts.push({ kind: 'long-row', bytes: Buffer.concat(chunks) });
  }
  use(0);
  return cuts;
}

function rowsOfLengths(lengths: readonly number[]): Buffer {
  return Buffer.concat(
    lengths.map((length, n) =>
      Buffer.concat([Buffer.alloc(length, 0x61 + (n % 26)), Buffer.from('\n')]),
    ),
  );
}

function promise(bytes: Buffer, cuts: readonly Cut[]): void {
  expect(Buffer.concat(cuts.map((each) => each.bytes)).equals(bytes)).toBe(true);
  for (const each of cuts.slice(0, -1)) expect(each.bytes.at(-1)).toBe(0x0a);
  for (const each of cuts) {
    expect(each.bytes.length).toBeGreaterThan(0);
    if (each.kind === 'long-row') expect(countRows(each.bytes)).toBe(1);
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 10 });
const tinySizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 });

describe('rowBlocks', () => {
  it('yields every row once and whole, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(300), { maxLength: 60 }),
        tinySizes,
        fc.integer({ min: 1, max: 3000 }),
        async (lengths, chunks, blockBytes) => {
          const bytes = rowsOfLengths(lengths);
          promise(bytes, await cut(chunked(bytes, chunks), blockBytes));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('cuts the same rows into the same blocks, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3000), { maxLength: 60 }),
        fc.tuple(tinySizes, sizes),
        fc.integer({ min: 1, max: 3000 }),
        async (lengths, [few, many], blockBytes) => {
          const bytes = rowsOfLengths(lengths);
          expect(await cut(chunked(bytes, many), blockBytes)).toEqual(
            await cut(chunked(bytes, few), blockBytes),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('yields every row once and whole, also rows longer than a buffer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 100_000, max: 900_000 })), {
          maxLength: 8,
        }),
        sizes,
        fc.constantFrom(1, 1024, 65_536, 200_000),
        async (lengths, chunks, blockBytes) => {
          const bytes = rowsOfLengths(lengths);
          promise(bytes, await cut(chunked(bytes, chunks), blockBytes));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('cuts where the receiver of a connection cuts: a message per row, by the row hash', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.nat(60), fc.nat(9000)), { maxLength: 200 }),
        sizes,
        fc.constantFrom(1, 16, 200, 3000, 20_000),
        async (lengths, chunks, frameBytes) => {
          const rows = lengths.map((length, n) =>
            rowsOfLengths([length]).fill(0x61 + (n % 26), 0, length),
          );
          const messages = rows.map((payload) => ({ type: 'd', payload }));
          const cuts = await cut(chunked(Buffer.concat(rows), chunks), frameBytes);
          expect(cuts).toEqual(
            referenceBlocks(messages, cuttingFor(frameBytes)).map(({ kind, bytes }) => ({
              kind,
              bytes,
            })),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  const table = (count: number) =>
    Array.from(
      { length: count },
      (_, n) => `${n}\t${(n * 2654435761) % 4294967296}\tword ${n % 7}\n`,
    );
  it.each<[string, (rows: string[], at: number) => void]>([
    ['changed', (rows, at) => void rows.splice(at, 1, `${at}\tnew\n`)],
    ['inserted', (rows, at) => void rows.splice(at, 0, 'more\tthan\tbefore\n')],
    ['deleted', (rows, at) => void rows.splice(at, 1)],
  ])('gives the same blocks but for a few after one row was %s', async (_, change) => {
    const blocksOf = async (rows: readonly string[]) =>
      (await cut(chunked(Buffer.from(rows.join('')), [65_536]), 4096)).map(({ bytes }) =>
        bytes.toString(),
      );
    const before = await blocksOf(table(20_000));
    expect(before.length).toBeGreaterThan(100);
    let others = 0;
    for (let at = 37; at < 20_000; at += 2791) {
      const rows = table(20_000);
      change(rows, at);
      const known = new Set(before);
      const after = await blocksOf(rows);
      const own = after.filter((block) => !known.has(block)).length;
      expect(own).toBeLessThan(12);
      others += own;
    }
    // 8 rows; in most cases only the block of the row itself.
    expect(others).toBeLessThan(8 * 2.5);
  });

  it.each([
    [1, 0],
    [1, 1],
    [2, 300_000],
    [3, 262_143],
    [4, 262_144 + 1024],
  ])('yields %i rows of %i bytes once and whole', async (count, length) => {
    const bytes = rowsOfLengths(Array.from({ length: count }, () => length));
    for (const blockBytes of [1, 1024, 262_144])
      promise(bytes, await cut(chunked(bytes, [65_536]), blockBytes));
  });

  it('yields a row longer than a buffer as a long row, and continues with the rest of the chunk', async () => {
    const bytes = Buffer.concat([rowsOfLengths([5, 2_000_000]), Buffer.from('x\ny\n')]);
    const cuts = await cut(chunked(bytes, [bytes.length]), 1024);
    promise(bytes, cuts);
    const long = cuts.find(({ kind }) => kind === 'long-row');
    expect(long?.bytes.length).toBe(2_000_001);
    expect(cuts.at(-1)?.bytes.toString()).toBe('x\ny\n');
  });

  it('yields no block when there are no rows', async () => {
    expect(await cut(chunked(Buffer.alloc(0), [1]), 1024)).toEqual([]);
  });

  it('counts the rows of a table without columns, each of which is only a newline', async () => {
    const bytes = Buffer.alloc(100_000, '\n');
    const cuts = await cut(chunked(bytes, [777]), 1024);
    promise(bytes, cuts);
    expect(cuts.reduce((sum, each) => sum + countRows(each.bytes), 0)).toBe(100_000);
  });

  it('yields a last line that has no end, and does not count it as a row', async () => {
    for (const blockBytes of [1, 1024]) {
      const cuts = await cut(chunked(Buffer.from('a\nb'), [2]), blockBytes);
      expect(Buffer.concat(cuts.map((each) => each.bytes)).toString()).toBe('a\nb');
      expect(cuts.reduce((sum, each) => sum + countRows(each.bytes), 0)).toBe(1);
    }
  });

  it('ends a long row when the stream ends in the middle of it', async () => {
    const bytes = Buffer.alloc(1_000_000, 0x61);
    const cuts = await cut(chunked(bytes, [100_000]), 1024);
    expect(Buffer.concat(cuts.map((each) => each.bytes)).length).toBe(1_000_000);
  });

  it('throws the error of the source, also in the middle of a long row', async () => {
    for (const length of [10, 1_000_000]) {
      const broken = async function* () {
        yield Buffer.alloc(length, 0x61);
        throw new Error('connection lost');
      };
      await expect(cut(broken(), 1024)).rejects.toThrow('connection lost');
    }
  });

  it('closes the source when the reader stops early', async () => {
    let closed = false;
    const source = async function* () {
      try {
        for (;;) yield rowsOfLengths([2000]);
      } finally {
        closed = true;
      }
    };
    for await (const _ of rowBlocks(source(), arenaFor(1024))) break;
    expect(closed).toBe(true);
  });
});
