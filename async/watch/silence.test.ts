import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchSilence } from './silence.ts';

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

const AFTER_MS = 8_000;

/** A watch of `state.value`, and the times of silence that it has reported, in whole seconds. */
function watched() {
  const state: { value: number | undefined; reported: number[] } = { value: 1, reported: [] };
  const watch = watchSilence({
    afterMs: AFTER_MS,
    look: () => state.value,
    onSilent: (ms) => void state.reported.push(Math.round(ms / 1000)),
  });
  return { state, watch };
}

describe('watchSilence', () => {
  it('reports a value that does not change, again after each further limit', async () => {
    const { state, watch } = watched();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(state.reported).toEqual([8, 16, 24]);
    watch[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(state.reported).toHaveLength(3);
  });

  it('reports nothing while the value changes, or while nothing is awaited', async () => {
    const { state, watch } = watched();
    for (let value = 2; value < 10; value += 1) {
      await vi.advanceTimersByTimeAsync(AFTER_MS - 2_000);
      state.value = value;
    }
    state.value = undefined;
    await vi.advanceTimersByTimeAsync(10 * AFTER_MS);
    expect(state.reported).toEqual([]);
    watch[Symbol.dispose]();
  });

  it('takes the time in which the process itself was stopped for a moment', async () => {
    const { state, watch } = watched();
    await vi.advanceTimersByTimeAsync(2_000);
    const start = performance.now();
    vi.spyOn(performance, 'now').mockImplementation(() => start + 3_600_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(state.reported).toEqual([]);
    watch[Symbol.dispose]();
    vi.restoreAllMocks();
  });
});
