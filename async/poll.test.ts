import { expect, test } from 'vitest';
import { pause, poll } from './poll.ts';

const countTo = (wanted: number) => {
  let looks = 0;
  return { look: async () => (++looks === wanted ? 'found' : undefined), looks: () => looks };
};

test('poll looks until there is a value, and returns it', async () => {
  const { look, looks } = countTo(3);
  await expect(poll(look, { everyMs: 1 })).resolves.toBe('found');
  expect(looks()).toBe(3);
});

test('poll looks once more after the timeout, then returns undefined', async () => {
  const { look, looks } = countTo(10);
  let time = 0;
  const now = () => time++;
  await expect(poll(look, { everyMs: 1, timeoutMs: 2, now })).resolves.toBeUndefined();
  expect(looks()).toBe(2);
});

test('poll throws the reason of a signal that fires during a pause', async () => {
  const stop = new AbortController();
  const { look, looks } = countTo(10);
  const polling = poll(look, { everyMs: 60_000, signal: stop.signal });
  setImmediate(() => stop.abort(new Error('enough')));
  await expect(polling).rejects.toThrow('enough');
  expect(looks()).toBe(1);
});

test('pause ends when the signal fires, and does not throw', async () => {
  const stop = new AbortController();
  setImmediate(() => stop.abort());
  await pause(60_000, stop.signal);
  await pause(60_000, stop.signal);
});
