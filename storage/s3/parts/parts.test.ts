import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partBuffers } from './buffers.ts';
import { intoParts } from './parts.ts';

const never = new AbortController().signal;

/** Cuts `chunks`, gives every buffer back, and returns copies of the parts. */
async function cut(
  chunks: Uint8Array[],
  bytesAt: (number: number) => number | undefined,
  spareMax = 0,
) {
  const buffers = partBuffers({ left: spareMax, idle: [] }, never, 'cutting');
  async function* source() {
    yield* chunks;
  }
  const parts: { number: number; isLast: boolean; bytes: Buffer }[] = [];
  for await (const { number, bytes, buffer, isLast } of intoParts(
    'x',
    source(),
    buffers,
    bytesAt,
  )) {
    parts.push({ number, isLast, bytes: Buffer.from(bytes) });
    buffer.fill(0);
    buffers.giveBack(buffer);
  }
  return parts;
}

describe('intoParts', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });

  test('gives the whole stream in full parts, except for the last', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 20 }), async (given, partBytes) => {
        const parts = await cut(given, (number) => partBytes + number);
        expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(Buffer.concat(given));
        expect(parts.map(({ number }) => number)).toEqual(parts.map((_, index) => index + 1));
        expect(parts.map(({ isLast }) => isLast)).toEqual(
          parts.map((_, index) => index === parts.length - 1),
        );
        for (const { number, bytes } of parts.slice(0, -1))
          expect(bytes.length).toBe(partBytes + number);
        if (parts.length > 1) expect(parts.at(-1)?.bytes.length).toBeGreaterThan(0);
      }),
    );
  });

  test('gives one empty part for an empty stream', async () => {
    expect(await cut([], () => 5)).toEqual([{ number: 1, isLast: true, bytes: Buffer.alloc(0) }]);
  });

  test('rejects a stream with one byte more than all parts hold', async () => {
    const twoParts = (number: number) => (number <= 2 ? 10 : undefined);
    expect(await cut([Buffer.alloc(20)], twoParts)).toHaveLength(2);
    await expect(cut([Buffer.alloc(20), Buffer.alloc(1)], twoParts)).rejects.toMatchObject({
      code: 'storage/too-large',
    });
  });
});

describe('part buffers', () => {
  const noSpares = () => ({ left: 0, idle: [] });

  test('are limited: the next one waits until one is given back', async () => {
    const buffers = partBuffers(noSpares(), never, 'cutting');
    const [first] = [await buffers.take(10), await buffers.take(10)];
    let third: Buffer | undefined;
    const waiting = buffers.take(10).then((buffer) => {
      third = buffer;
    });
    await new Promise(setImmediate);
    expect(third).toBeUndefined();
    buffers.giveBack(first);
    await waiting;
    expect(third).toBe(first);
  });

  test('are two for every upload, and spare ones for the first upload that needs them', async () => {
    const spare = { left: 2, idle: [] };
    const [one, other] = [partBuffers(spare, never, 'one'), partBuffers(spare, never, 'other')];
    const taken = [await one.take(10), await one.take(10), await one.take(10), await one.take(10)];
    expect(spare.left).toBe(0);
    await other.take(10);
    await other.take(10);
    let more = false;
    const waiting = other.take(10).then(() => {
      more = true;
    });
    for (const buffer of taken) one.giveBack(buffer);
    expect(spare.left).toBe(2);
    expect(more).toBe(false);
    other.giveBack(Buffer.alloc(10));
    await waiting;
    expect(more).toBe(true);
  });

  test('of a failed upload are counted as free, but their memory is not reused', async () => {
    const spare = { left: 3, idle: [] };
    const buffers = partBuffers(spare, never, 'failing');
    for (let count = 0; count < 4; count++) await buffers.take(10);
    expect(spare.left).toBe(1);
    buffers[Symbol.dispose]();
    expect(spare).toEqual({ left: 3, idle: [] });
  });

  test('grow with the parts', async () => {
    const buffers = partBuffers(noSpares(), never, 'cutting');
    buffers.giveBack(await buffers.take(10));
    expect((await buffers.take(20)).length).toBe(20);
  });

  test('reject a waiting caller when the signal fires', async () => {
    const stop = new AbortController();
    const buffers = partBuffers(noSpares(), stop.signal, 'cutting');
    await buffers.take(10);
    await buffers.take(10);
    const waiting = buffers.take(10);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
  });
});
