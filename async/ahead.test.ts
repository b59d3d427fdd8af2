import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ahead } from './ahead.ts';

const signal = new AbortController().signal;
const options = { bytesMax: 10, bytesOf: (item: number) => item, signal };

/** Lets all pending callbacks run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
}

describe('ahead', () => {
  it('yields all items in order', async () => {
    const source = async function* () {
      for (let n = 0; n < 1_000; n += 1) {
        if (n % 7 === 0) await setImmediate();
        yield n;
      }
    };
    expect(await Array.fromAsync(ahead(source, options))).toEqual(
      Array.from({ length: 1_000 }, (_, n) => n),
    );
  });

  it('reads ahead up to its bytes, including the item that was taken last', async () => {
    let read = 0;
    const source = async function* () {
      for (;;) {
        read += 1;
        yield 4;
      }
    };
    const items = ahead(source, options);
    await items.next();
    await settle();
    expect(read).toBe(3);
    await items.next();
    await settle();
    expect(read).toBe(4);
    await items.return(undefined);
  });

  it('reads on after the consumer has released the memory of an item', async () => {
    const source = async function* () {
      for (let n = 0; n < 20; n += 1) yield { bytes: 4 };
    };
    let taken = 0;
    for await (const item of ahead(source, {
      ...options,
      bytesOf: ({ bytes }: { bytes: number }) => bytes,
    })) {
      item.bytes = 0;
      taken += 1;
    }
    expect(taken).toBe(20);
  });

  it('throws the error of the source after all items before it', async () => {
    const source = async function* () {
      yield 1;
      yield 2;
      throw new Error('the end of the pack');
    };
    const seen: number[] = [];
    const reading = (async () => {
      for await (const item of ahead(source, options)) seen.push(item);
    })();
    await expect(reading).rejects.toThrow('the end of the pack');
    expect(seen).toEqual([1, 2]);
  });

  it('ends its source when the consumer stops, even if the source is waiting', async () => {
    let ended = false;
    const source = async function* (stop: AbortSignal) {
      try {
        yield 1;
        await new Promise((_, reject) =>
          stop.addEventListener('abort', () => reject(new Error('cut'))),
        );
      } finally {
        ended = true;
      }
    };
    for await (const _ of ahead(source, options)) break;
    expect(ended).toBe(true);
  });

  it('gives each item to one of several consumers', async () => {
    const source = async function* () {
      for (let n = 0; n < 100; n += 1) yield n;
    };
    const items = ahead(source, options);
    const taken: number[] = [];
    const take = async () => {
      for (let next = await items.next(); next.done !== true; next = await items.next())
        taken.push(next.value);
    };
    await Promise.all([take(), take(), take()]);
    expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});
