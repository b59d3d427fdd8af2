import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partBuffers } from './part-buffers.ts';
import { intoParts } from './parts.ts';

const never = new AbortController().signal;

/** Cuts `chunks`, gives every buffer back, and returns copies of the parts. */
async function cut(chunks: Uint8Array[], bytesAt: (number: number) => number | undefined, buffersMax = 2) {
  const buffers = partBuffers(buffersMax, never, 'cutting');
  async function* source() {
    yield* chunks;
  }
  const parts: { number: number; isLast: boolean; bytes: Buffer }[] = [];
  for await (const { number, bytes, buffer, isLast } of intoParts('x', source(), buffers, bytesAt)) {
    parts.push({ number, isLast, bytes: Buffer.from(bytes) });
    buffer.fill(0);
    buffers.giveBack(buffer);
  }
  return parts;
}

describe('a stream cut into parts', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 });

  test('is the stream again, in full parts but for the last', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, fc.integer({ min: 1, max: 20 }), async (given, partBytes) => {
        const parts = await cut(given, (number) => partBytes + number);
        expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(Buffer.concat(given));
        expect(parts.map(({ number }) => number)).toEqual(parts.map((_, index) => index + 1));
        expect(parts.map(({ isLast }) => isLast)).toEqual(
          parts.map((_, index) => index === parts.length - 1),
        );
        for (const { number, bytes } of parts.slice(0, -1)) expect(bytes.length).toBe(partBytes + number);
        if (parts.length > 1) expect(parts.at(-1)?.bytes.length).toBeGreaterThan(0);
      }),
    );
  });

  test('that is empty is one empty part', async () => {
    expect(await cut([], () => 5)).toEqual([{ number: 1, isLast: true, bytes: Buffer.alloc(0) }]);
  });

  test('may fill the last part allowed, and not one byte more', async () => {
    const twoParts = (number: number) => (number <= 2 ? 10 : undefined);
    expect(await cut([Buffer.alloc(20)], twoParts)).toHaveLength(2);
    await expect(cut([Buffer.alloc(20), Buffer.alloc(1)], twoParts)).rejects.toMatchObject({
      code: 'storage/too-large',
    });
  });
});

describe('part buffers', () => {
  test('are never more than allowed: the next one waits for one that is given back', async () => {
    const buffers = partBuffers(2, never, 'cutting');
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

  test('grow with the parts', async () => {
    const buffers = partBuffers(1, never, 'cutting');
    buffers.giveBack(await buffers.take(10));
    expect((await buffers.take(20)).length).toBe(20);
  });

  test('stop being waited for when the signal fires', async () => {
    const stop = new AbortController();
    const buffers = partBuffers(1, stop.signal, 'cutting');
    await buffers.take(10);
    const waiting = buffers.take(10);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
  });
});
