import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { rateLimit, throttledReads } from './throttle.ts';

const bytes = Buffer.from('a hundred rows');

describe('throttledReads', () => {
  it('yields a chunk only after the throttle has resolved', async () => {
    const events: string[] = [];
    const store = {
      url: 'file:///x',
      async *get() {
        yield bytes.subarray(0, 5);
        yield bytes.subarray(5);
      },
      read: async () => bytes,
    } as unknown as ObjectStore;
    const throttled = throttledReads(
      store,
      async (count) => void events.push(`throttled ${count}`),
    );
    for await (const chunk of throttled.get('k')) events.push(`read ${chunk.byteLength}`);
    expect(await throttled.read('k', { bytesMax: 100 })).toBe(bytes);
    expect(events).toEqual(['throttled 5', 'read 5', 'throttled 9', 'read 9', 'throttled 14']);
    expect(throttled.url).toBe(store.url);
  });

  it('throws the reason of the signal that ends the wait', async () => {
    const reason = new Error('interrupted');
    const store = {
      get: async function* () {
        yield bytes;
      },
    } as unknown as ObjectStore;
    const { throttle } = rateLimit(1);
    const reading = Array.fromAsync(
      throttledReads(store, throttle).get('k', { signal: AbortSignal.abort(reason) }),
    );
    await expect(reading).rejects.toBe(reason);
  });
});

describe('rateLimit', () => {
  it('does not limit anything until a rate is set', async () => {
    const { throttle, setRate } = rateLimit(undefined);
    const signal = AbortSignal.timeout(10);
    await throttle(1e12, signal);
    setRate(1);
    await expect(throttle(1e12, signal)).rejects.toThrow();
  });
});
