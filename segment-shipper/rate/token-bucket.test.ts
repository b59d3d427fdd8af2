import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BURST_SECONDS, type Timer, type TokenBucket, tokenBucket } from './token-bucket.ts';

/** A clock that advances only in `pass`. */
function fakeTimer() {
  let now = 1000;
  const calls = new Set<{ at: number; call: () => void }>();
  const timer: Timer = {
    now: () => now,
    after(ms, call) {
      const entry = { at: now + ms, call };
      calls.add(entry);
      return () => calls.delete(entry);
    },
  };
  return {
    timer,
    pending: () => calls.size,
    async pass(ms: number): Promise<void> {
      const until = now + ms;
      await settle();
      for (;;) {
        const [next] = [...calls].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        calls.delete(next);
        now = next.at;
        next.call();
        await settle();
      }
      now = until;
    },
    now: () => now,
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

const never = new AbortController().signal;

/** Calls `take`, and records when it resolves. */
function recordTakes(bucket: TokenBucket, now: () => number) {
  const passed: { name: number; bytes: number; at: number }[] = [];
  const take = (name: number, bytes: number, signal = never) =>
    bucket.take(bytes, signal).then(() => void passed.push({ name, bytes, at: now() }));
  return { take, passed };
}

describe('a token bucket', () => {
  it('lets a burst through at once, and the rest at its rate, in order', async () => {
    const { timer, pass, now } = fakeTimer();
    const { take, passed } = recordTakes(tokenBucket(1000, timer), now);
    for (const name of [1, 2, 3, 4]) void take(name, 125);
    await pass(0);
    expect(passed.map(({ name }) => name)).toEqual([1, 2]);
    await pass(1000);
    expect(passed.map(({ name, at }) => [name, at])).toEqual([
      [1, 1000],
      [2, 1000],
      [3, 1125],
      [4, 1250],
    ]);
  });

  it('saves up at most a burst while there are no calls', async () => {
    const { timer, pass, now } = fakeTimer();
    const { take, passed } = recordTakes(tokenBucket(1000, timer), now);
    await pass(3_600_000);
    for (const name of [1, 2, 3]) void take(name, 125);
    await pass(0);
    expect(passed).toHaveLength(2);
  });

  it('lets a call larger than a burst through after it has earned all of it, and keeps no rest', async () => {
    const { timer, pass, now } = fakeTimer();
    const { take, passed } = recordTakes(tokenBucket(1000, timer), now);
    void take(1, 2250);
    void take(2, 250);
    await pass(1999);
    expect(passed).toEqual([]);
    await pass(251);
    expect(passed.map(({ at }) => at)).toEqual([3000, 3250]);
  });

  it('applies a new rate also to calls that already wait', async () => {
    const { timer, pass, now } = fakeTimer();
    const bucket = tokenBucket(1000, timer);
    const { take, passed } = recordTakes(bucket, now);
    void take(1, 250);
    void take(2, 1000);
    await pass(500);
    bucket.setRate(5000);
    await pass(100);
    expect(passed.map(({ at }) => at)).toEqual([1000, 1600]);
  });

  it('removes an aborted call from the queue, and does not count its bytes', async () => {
    const { timer, pass, now, pending } = fakeTimer();
    const { take, passed } = recordTakes(tokenBucket(1000, timer), now);
    const stop = new AbortController();
    void take(1, 250);
    const aborted = take(2, 1_000_000, stop.signal);
    void take(3, 100);
    await pass(100);
    const reason = new Error('the coordinator has died');
    stop.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await pass(0);
    expect(passed.map(({ name, at }) => [name, at])).toEqual([
      [1, 1000],
      [3, 1100],
    ]);
    await expect(take(4, 1, stop.signal)).rejects.toBe(reason);
    expect(pending()).toBe(0);
  });

  it('lets through at most rate × time + burst in any period, and serves all calls in order', async () => {
    const step = fc.record({
      gapMs: fc.integer({ min: 0, max: 400 }),
      bytes: fc.integer({ min: 0, max: 3000 }),
      isAborted: fc.boolean(),
      abortMs: fc.integer({ min: 0, max: 900 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 500, max: 20_000 }),
        fc.array(step, { minLength: 1, maxLength: 25 }),
        async (rate, steps) => {
          const { timer, pass, now, pending } = fakeTimer();
          const { take, passed } = recordTakes(tokenBucket(rate, timer), now);
          const aborted = new Set<number>();
          for (const [name, { gapMs, bytes, isAborted, abortMs }] of steps.entries()) {
            const stop = new AbortController();
            take(name, bytes, stop.signal).catch(() => aborted.add(name));
            if (isAborted) timer.after(abortMs, () => stop.abort());
            await pass(gapMs);
          }
          // The time for all of it at this rate, from an empty bucket.
          await pass(
            (steps.reduce((sum, { bytes }) => sum + bytes, 0) / rate) * 1000 + 1000 + steps.length,
          );

          const served = passed.map(({ name }) => name);
          expect(served).toEqual([...served].sort((a, b) => a - b));
          expect([...served, ...aborted].sort((a, b) => a - b)).toEqual(
            steps.map((_, name) => name),
          );
          expect(pending()).toBe(0);
          const largest = Math.max(rate * BURST_SECONDS, ...passed.map(({ bytes }) => bytes));
          for (const [first, { at: from }] of passed.entries()) {
            let sum = 0;
            for (const { bytes, at } of passed.slice(first)) {
              sum += bytes;
              expect(sum).toBeLessThanOrEqual((rate * (at - from)) / 1000 + largest + 1e-6);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
