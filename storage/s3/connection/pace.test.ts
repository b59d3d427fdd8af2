import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newPace as newRealPace, type Pace } from './pace.ts';

/** Not setImmediate, after which everything that a timer has started has run. */
const toFake = ['setTimeout', 'clearTimeout', 'performance'] as const;
beforeEach(() => void vi.useFakeTimers({ toFake: [...toFake] }));
afterEach(() => void vi.useRealTimers());

/** Vitest replaces the global timers only. */
const newPace = () =>
  newRealPace(
    (ms, signal) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  );

const STEP_MS = 5;

async function advance(ms: number): Promise<void> {
  for (let step = 0; step < ms; step += STEP_MS) {
    vi.advanceTimersByTime(STEP_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Sends attempts, one after the other, for some seconds; returns how many began per second. */
async function sendFor(pace: Pace, seconds: number, isRefused: (sentSoFar: number) => boolean) {
  const perSecond = Array.from({ length: seconds }, () => 0);
  const from = performance.now();
  const stop = new AbortController();
  let sent = 0;
  const sending = (async () => {
    for (;;) {
      const turn = await pace.turn(stop.signal, 0);
      const second = Math.floor((performance.now() - from) / 1000);
      if (second >= seconds) return;
      perSecond[second] = (perSecond[second] ?? 0) + 1;
      sent += 1;
      // A server answers after 10 ms.
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (isRefused(sent)) turn.throttled(0);
      else turn.succeeded();
    }
  })();
  await advance(seconds * 1000);
  stop.abort();
  await advance(20);
  await sending;
  return perSecond;
}

test('requests do not wait before the server has asked to slow down', async () => {
  const pace = newPace();
  for (let sent = 0; sent < 1000; sent += 1) await pace.turn(undefined, 0);
  expect(performance.now()).toBeDefined();
  expect(pace.isSlow()).toBe(false);
});

test('a refusal halves the rate, once for all requests that were under way', async () => {
  const pace = newPace();
  await sendFor(pace, 2, () => false);
  const turns = await Promise.all(Array.from({ length: 20 }, () => pace.turn(undefined, 0)));
  for (const turn of turns) turn.throttled(0);
  const [second = 0] = await sendFor(pace, 1, () => false);
  // About 100 per second before; twenty halvings would leave two.
  expect(second).toBeGreaterThan(30);
  expect(second).toBeLessThan(90);
});

test('a server that refuses everything is asked twice a second, and the rate recovers after it', async () => {
  const pace = newPace();
  await sendFor(pace, 2, () => false);
  const storm = await sendFor(pace, 20, () => true);
  expect(storm.slice(10).every((sent) => sent <= 3)).toBe(true);
  expect(pace.refusedMs()).toBeGreaterThan(15_000);
  expect(pace.isSlow()).toBe(true);
  const after = await sendFor(pace, 12, () => false);
  expect(after[0]).toBeLessThan(10);
  expect(after.at(-1)).toBeGreaterThan(40);
  expect(pace.refusedMs()).toBe(0);
});

test('under a limit of the server the rate stays near it, and few requests are refused', async () => {
  const pace = newPace();
  let [second, inSecond, refused, all] = [0, 0, 0, 0];
  const overLimit = () => {
    const now = Math.floor(performance.now() / 1000);
    if (now !== second) [second, inSecond] = [now, 0];
    inSecond += 1;
    all += 1;
    if (inSecond > 30) refused += 1;
    return inSecond > 30;
  };
  const sent = await sendFor(pace, 60, overLimit);
  const steady = sent.slice(20).reduce((sum, next) => sum + next, 0) / 40;
  expect(steady).toBeGreaterThan(15);
  expect(steady).toBeLessThan(40);
  expect(refused / all).toBeLessThan(0.1);
});

test('all requests wait for as long as the server asks (Retry-After)', async () => {
  const pace = newPace();
  (await pace.turn(undefined, 0)).throttled(5_000);
  const from = performance.now();
  const next = pace.turn(undefined, 0);
  await advance(6_000);
  await next;
  expect(performance.now() - from).toBeGreaterThanOrEqual(5_000);
});

test('a wait ends when its signal fires, and the requests behind it go on', async () => {
  const pace = newPace();
  (await pace.turn(undefined, 0)).throttled(5_000);
  const stop = new AbortController();
  const ended: string[] = [];
  const first = pace.turn(stop.signal, 0).then(() => ended.push('first'));
  const second = pace.turn(undefined, 0).then(() => ended.push('second'));
  await advance(100);
  stop.abort();
  await advance(STEP_MS);
  expect(ended).toEqual(['first']);
  await advance(6_000);
  await Promise.all([first, second]);
  expect(ended).toEqual(['first', 'second']);
});

test('refusals an hour apart are two series', async () => {
  const pace = newPace();
  (await pace.turn(undefined, 0)).throttled(0);
  vi.advanceTimersByTime(3_600_000);
  (await pace.turn(undefined, 0)).throttled(0);
  expect(pace.refusedMs()).toBe(0);
});
