import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { together } from './together.ts';

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => {
    const fail = () => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });

describe('together', () => {
  it('resolves when all tasks have ended', async () => {
    const ended: number[] = [];
    const task = (n: number) => async () => {
      await sleep(n);
      ended.push(n);
    };
    await together(new AbortController().signal, [task(20), task(1), task(10)]);
    expect(ended).toEqual([1, 10, 20]);
  });

  it('throws the first failure, not the failures that it causes in other tasks', async () => {
    const first = new Error('disk full');
    const run = together(new AbortController().signal, [
      (signal) => untilAborted(signal).catch(() => Promise.reject(new Error('a consequence'))),
      async () => {
        await sleep(1);
        throw first;
      },
    ]);
    await expect(run).rejects.toBe(first);
  });

  it('throws only after the slowest task has ended', async () => {
    let cleaned = false;
    const run = together(new AbortController().signal, [
      async (signal) => {
        await untilAborted(signal).catch(() => sleep(30));
        cleaned = true;
      },
      () => Promise.reject(new Error('early')),
    ]);
    await expect(run).rejects.toThrow('early');
    expect(cleaned).toBe(true);
  });

  it('passes an abort of the caller on to every task', async () => {
    const stop = new AbortController();
    const run = together(stop.signal, [untilAborted, untilAborted]);
    stop.abort(new Error('SIGTERM'));
    await expect(run).rejects.toThrow('SIGTERM');
  });

  it('treats a rejection with undefined as a failure', async () => {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- on purpose
    const run = together(new AbortController().signal, [() => Promise.reject(undefined)]);
    await expect(run.then(() => 'well')).rejects.toBeUndefined();
  });
});
