import { describe, expect, it } from 'vitest';
import { rateLimit } from './throttle.ts';

describe('rateLimit', () => {
  it('does not limit anything until a rate is set', async () => {
    const { throttle, setRate } = rateLimit(undefined);
    const signal = AbortSignal.timeout(10);
    await throttle(1e12, signal);
    setRate(1);
    await expect(throttle(1e12, signal)).rejects.toThrow();
  });
});
