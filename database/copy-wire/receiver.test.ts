import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cuttingFor } from './cutting.ts';
import { encoded, OTHER_TYPES, receive } from './testing/receive.ts';
import {
  type ReferenceBlock,
  referenceBlocks,
  type WireMessage,
} from './testing/splitter-reference.ts';

const NEWLINE = 0x0a;

/** Rows of a letter each, so that a mixed-up byte shows; the lengths are with the newline. */
function row(length: number, n: number): Buffer {
  const bytes = Buffer.alloc(length, 0x61 + (n % 26));
  bytes[length - 1] = NEWLINE;
  return bytes;
}
const data = (payload: Uint8Array): WireMessage => ({ type: 'd', payload });

/**
 * Row lengths around all that decides: nothing, 16-byte chunks, the least block, the largest,
 * several blocks.
 */
const lengths = (frameBytes: number) => {
  const { blockBytesMin, blockBytesMax } = cuttingFor(frameBytes);
  const near = (length: number) => fc.integer({ min: Math.max(1, length - 2), max: length + 2 });
  return fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: Math.max(2, Math.floor(frameBytes / 4)) }) },
    near(1),
    near(16),
    near(32),
    near(blockBytesMin),
    near(blockBytesMax),
    near(blockBytesMax * 2),
    fc.integer({ min: 1, max: blockBytesMax * 4 }),
  );
};
/** What a message may hold: a row, several, a part of one, nothing. */
const payload = (frameBytes: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(lengths(frameBytes), fc.nat(25)).map(([length, n]) => row(length, n)),
    },
    fc.constant(Buffer.from('\n')),
    fc.constant(new Uint8Array()),
    fc
      .array(fc.constantFrom(0x61, 0x62, NEWLINE), { maxLength: frameBytes * 2 })
      .map((bytes) => Buffer.from(bytes)),
    lengths(frameBytes).map((length) => Buffer.alloc(length, 0x7a)),
  );
const other: fc.Arbitrary<WireMessage> = fc.record({
  type: fc.constantFrom(...OTHER_TYPES),
  payload: fc.uint8Array({ maxLength: 40 }),
});
const scene = fc.constantFrom(16, 48, 200, 1000, 20_000).chain((frameBytes) =>
  fc.record({
    frameBytes: fc.constant(frameBytes),
    messages: fc.array(
      fc.oneof(
        { weight: 8, arbitrary: payload(frameBytes).map(data) },
        { weight: 1, arbitrary: other },
      ),
      { maxLength: 60 },
    ),
    chunks: fc.array(
      fc.oneof(
        fc.constant(1),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 300_000 }),
      ),
      { minLength: 1, maxLength: 12 },
    ),
    blocks: fc.integer({ min: 2, max: 5 }),
  }),
);

describe('the receiver', () => {
  it('gives the same blocks as the reference, for any messages in any chunks', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ frameBytes, messages, chunks, blocks }) => {
        const got = await receive([messages], { frameBytes, chunks, blocks });
        expect(got.copies).toEqual([referenceBlocks(messages, cuttingFor(frameBytes))]);
        expect(got.others.equals(encoded(messages.filter(({ type }) => type !== 'd')))).toBe(true);
      }),
      { numRuns: 600 },
    );
  });

  it('gives each of several small relations in one block the same rows as alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(scene, { minLength: 2, maxLength: 8 }), async (scenes) => {
        const [{ frameBytes = 1000, chunks = [1], blocks = 2 } = {}] = scenes;
        const relations = scenes.map(({ messages }) => messages);
        const got = await receive(relations, { frameBytes, chunks, blocks });
        const cutting = cuttingFor(frameBytes);
        expect(got.copies).toEqual(relations.map((messages) => referenceBlocks(messages, cutting)));
      }),
      { numRuns: 150 },
    );
  });

  it('cuts rows in the upper half of an arena of 4 GiB in the same places', async () => {
    const frameBytes = 256 * 1024;
    const rows = Array.from({ length: 500 }, (_, n) => data(row(2000, n)));
    const messages = [...rows, data(row(1_000_000, 0)), ...rows, data(row(800_000, 1))];
    // The last of the blocks are taken first.
    const got = await receive([messages], { frameBytes, chunks: [200_000], blocks: 10_000 });
    expect(got.copies).toEqual([referenceBlocks(messages, cuttingFor(frameBytes))]);
  });

  it('counts the rows of a table without columns', async () => {
    const messages = Array.from({ length: 100_000 }, () => data(Buffer.from('\n')));
    const got = await receive([messages], { frameBytes: 4096, chunks: [65_536], blocks: 3 });
    expect(got.copies[0]?.reduce((sum, { rows }) => sum + rows, 0)).toBe(100_000);
    expect(got.copies).toEqual([referenceBlocks(messages, cuttingFor(4096))]);
  });
});

describe('cutting by content', () => {
  /** Rows like those of a table: a running number and some text that depends on it. */
  function table(count: number, from = 0): WireMessage[] {
    return Array.from({ length: count }, (_, index) => {
      const n = from + index;
      return data(Buffer.from(`${n}\t${(n * 7919) % 1009}\t${'x'.repeat((n * 31) % 60)}\n`));
    });
  }
  const FRAME_BYTES = 8192;
  const ends = (blocks: readonly ReferenceBlock[], from: number) => {
    let at = from;
    return blocks.map(({ bytes }) => {
      at += bytes.length;
      return at;
    });
  };
  const total = (messages: readonly WireMessage[]) =>
    messages.reduce((sum, each) => sum + each.payload.length, 0);

  it('returns to the same cuts after rows were inserted in front', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 0, max: 1e6 }),
        async (inserted, from) => {
          const rows = table(6000, from);
          const more = table(inserted, from + 5_000_000);
          const options = { frameBytes: FRAME_BYTES, chunks: [100_000], blocks: 3 };
          const [before] = (await receive([rows], options)).copies;
          const [after] = (await receive([[...more, ...rows]], options)).copies;
          const old = new Set(ends(before ?? [], 0));
          const shifted = ends(after ?? [], -total(more));
          const first = shifted.findIndex((end) => old.has(end));
          // From the first common cut on, all are common; and it comes early.
          expect(first).toBeGreaterThanOrEqual(0);
          expect(shifted.slice(first).every((end) => old.has(end))).toBe(true);
          expect(first).toBeLessThan(shifted.length / 2);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('keeps block lengths within their bounds, and near the requested one on average', async () => {
    const cutting = cuttingFor(FRAME_BYTES);
    const [blocks = []] = (
      await receive([table(60_000)], { frameBytes: FRAME_BYTES, chunks: [100_000], blocks: 3 })
    ).copies;
    const sizes = blocks.slice(0, -1).map(({ bytes }) => bytes.length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(cutting.blockBytesMin);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(cutting.blockBytesMax);
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    expect(mean / FRAME_BYTES).toBeGreaterThan(0.8);
    expect(mean / FRAME_BYTES).toBeLessThan(1.1);
    // Most are cut by content, not for want of room.
    expect(
      sizes.filter((size) => size < cutting.blockBytesMax - 100).length / sizes.length,
    ).toBeGreaterThan(0.75);
  });
});
