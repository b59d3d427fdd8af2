import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newPace } from './pace.ts';
import { noteDuration, retryStrategy } from './retry.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MINUTE_MS = 60_000;
const LIMITS = { attemptsMax: 3, throttledMsMax: 10 * MINUTE_MS };
const slowDown = () => failure('SlowDown', 503);
const reset = () => failure('TimeoutError', undefined);

const failure = (name: string, httpStatusCode: number | undefined) =>
  Object.assign(new Error('words'), { name, $metadata: { httpStatusCode } });

type Strategy = ReturnType<typeof retryStrategy>;

/** Fails every `everyMs`, with these errors in turn; returns how many attempts there were. */
async function attemptsOf(
  strategy: Strategy,
  errors: readonly (() => Error)[],
  { everyMs = 1000, attempts = 10_000 } = {},
): Promise<number> {
  let token = await strategy.acquireInitialRetryToken('');
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    await vi.advanceTimersByTimeAsync(everyMs);
    const error = (errors[(attempt - 1) % errors.length] ?? slowDown)();
    const errorType = error.name === 'SlowDown' ? 'THROTTLING' : 'TRANSIENT';
    try {
      const info = { error, errorType } as Parameters<Strategy['refreshRetryTokenForRetry']>[1];
      token = await strategy.refreshRetryTokenForRetry(token, info);
    } catch {
      return attempt;
    }
  }
  return attempts;
}

test('a throttled request goes on for its time, however many attempts that takes', async () => {
  const attempts = await attemptsOf(retryStrategy(LIMITS, newPace()), [slowDown]);
  expect(attempts).toBe(601);
});

test('another failure ends after its attempts, and throttled ones do not count', async () => {
  expect(await attemptsOf(retryStrategy(LIMITS, newPace()), [reset])).toBe(3);
  const errors = [slowDown, slowDown, slowDown, slowDown, reset];
  expect(await attemptsOf(retryStrategy(LIMITS, newPace()), errors)).toBe(15);
});

test('when the server has refused everything for that time, a new request has a few attempts', async () => {
  const pace = newPace();
  const turn = await pace.turn(undefined, 0);
  for (let minute = 0; minute < 22; minute += 1) {
    turn.throttled(0);
    await vi.advanceTimersByTimeAsync(MINUTE_MS / 2);
  }
  expect(await attemptsOf(retryStrategy(LIMITS, pace), [slowDown])).toBe(3);
});

test('only time in which the server was silent counts as silence', async () => {
  const limits = { ...LIMITS, attemptsMax: 100, silentMsMax: 10_000 };
  const silent = () => {
    const error = reset();
    noteDuration(error, 2_000);
    return error;
  };
  const strategy = retryStrategy(limits, newPace());
  expect(await attemptsOf(strategy, [silent], { everyMs: 60_000 })).toBe(5);
});
