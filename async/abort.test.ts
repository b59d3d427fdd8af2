import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { StowageError } from '../backup-set/base/errors.ts';
import { delayedAbort, onAbort, throwIfInterrupted, untilInterrupted } from './abort.ts';

const MIB = 1024 * 1024;
const CHUNKS = 128;
const BOUND = 16 * MIB;

test('untilInterrupted keeps no chunk of a long stream in memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  async function* chunks() {
    for (let sent = 0; sent < CHUNKS; sent++) yield Buffer.alloc(MIB);
  }
  collect();
  const before = process.memoryUsage().arrayBuffers;
  let seen = 0;
  let held = Number.POSITIVE_INFINITY;
  for await (const chunk of untilInterrupted(chunks(), new AbortController().signal, 'a test')) {
    seen += chunk.byteLength;
    if (seen < CHUNKS * MIB) continue;
    // V8 frees array buffers on another thread: a busy machine needs more than one check.
    for (let look = 0; look < 50 && held >= BOUND; look++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      collect();
      held = process.memoryUsage().arrayBuffers - before;
    }
  }
  expect(seen).toBe(CHUNKS * MIB);
  expect(held).toBeLessThan(BOUND);
});

test('untilInterrupted stops at once on a signal, even if the source is stuck', async () => {
  const stop = new AbortController();
  async function* stuck() {
    yield 1;
    await new Promise(() => undefined);
  }
  const reading = (async () => {
    for await (const _ of untilInterrupted(stuck(), stop.signal, 'writing x'))
      setImmediate(() => stop.abort());
  })();
  await expect(reading).rejects.toMatchObject({
    code: 'interrupted',
    message: expect.stringContaining('writing x'),
  });
});

test('onAbort calls the listener once, or at once if the signal has fired', () => {
  const stop = new AbortController();
  let calls = 0;
  const listening = onAbort(stop.signal, () => calls++);
  stop.abort();
  expect(calls).toBe(1);
  onAbort(stop.signal, () => calls++);
  expect(calls).toBe(2);
  listening[Symbol.dispose]();
});

test('onAbort does not call the listener after the end of the block', () => {
  const stop = new AbortController();
  let calls = 0;
  {
    using _ = onAbort(stop.signal, () => calls++);
  }
  stop.abort();
  expect(calls).toBe(0);
});

test('throwIfInterrupted throws the reason of the signal if it is a StowageError', () => {
  const why = new StowageError('shipper/died', 'content 3 was lost');
  expect(() => throwIfInterrupted(AbortSignal.abort(why), 'writing x')).toThrow(why);
  expect(() => throwIfInterrupted(AbortSignal.abort('other'), 'writing x')).toThrow(
    'writing x was interrupted',
  );
});

test('delayedAbort fires after its signal, and not after it was disposed', async () => {
  const stop = new AbortController();
  const late = delayedAbort(stop.signal, 1);
  const disposed = delayedAbort(stop.signal, 1);
  stop.abort();
  expect(late.signal.aborted).toBe(false);
  disposed[Symbol.dispose]();
  await new Promise((resolve) => late.signal.addEventListener('abort', resolve));
  expect(disposed.signal.aborted).toBe(false);
});
