import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../store.ts';
import { throttledReads } from './throttled-reads.ts';

const bytes = Buffer.from('a hundred rows');

describe('throttledReads', () => {
  it('yields no byte before the throttle has let it through', async () => {
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

  it('throws the reason that ends the wait', async () => {
    const reason = new Error('interrupted');
    const store = {
      get: async function* () {
        yield bytes;
      },
    } as unknown as ObjectStore;
    const aborted = AbortSignal.abort(reason);
    const throttle = async (_: number, signal: AbortSignal) => signal.throwIfAborted();
    const reading = Array.fromAsync(throttledReads(store, throttle).get('k', { signal: aborted }));
    await expect(reading).rejects.toBe(reason);
  });
});
