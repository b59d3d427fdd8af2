import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { blockArena } from './block-arena.ts';
import { createReceiver } from './receiver.ts';
import { encoded } from './testing/receive.ts';

const lost = new Error('the connection is lost');

/** A sink that waits for a block, as the only other one is filled and held by `reader`. */
async function waitingSink() {
  const arena = blockArena({ connections: 1, blocks: 2, frameBytes: 4096 });
  const reader = arena.blocks.tryTake();
  const staging = await arena.connections.take();
  const wire = { forward: () => {}, fail: () => {}, resume: () => {} };
  const receiver = createReceiver(arena, staging, wire);
  const sink = receiver.openSink();
  const rows = Array.from({ length: 100 }, () => ({
    type: 'd',
    payload: Buffer.from(`${'x'.repeat(99)}\n`),
  }));
  const bytes = encoded(rows);
  receiver.readRegion.set(bytes);
  expect(receiver.received(bytes.length)).toBe(false);
  return {
    arena,
    sink,
    reader,
    free: () => [1, 2, 3].map(() => arena.blocks.tryTake() !== undefined),
  };
}

describe('a sink that is closed while it waits for a block', () => {
  it('releases a block that it was given at the moment of the close', async () => {
    const { sink, reader, free } = await waitingSink();
    reader?.release();
    sink.close(lost);
    await turn();
    expect(free()).toEqual([true, true, false]);
  });

  it('releases a block that arrives after the connection was lost', async () => {
    const { sink, reader, free } = await waitingSink();
    sink.fail(lost);
    reader?.release();
    await turn();
    sink.close(lost);
    await turn();
    expect(free()).toEqual([true, true, false]);
  });

  it('leaves the queue for blocks', async () => {
    const { sink, reader, free } = await waitingSink();
    sink.close(lost);
    reader?.release();
    await turn();
    expect(free()).toEqual([true, true, false]);
  });
});
