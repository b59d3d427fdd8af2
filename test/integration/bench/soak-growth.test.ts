import { expect, test } from 'vitest';
import { growthOf, type Sample } from '../../bench/soak/growth.ts';

const samples = (heap: (second: number) => number): Sample[] =>
  Array.from({ length: 30 }, (_, index) => index * 10).map((second) => ({
    second,
    rss: 100,
    heapUsed: heap(second),
    external: 0,
  }));

test('memory that only grows during the warm-up has not grown', () => {
  const [heap, rss] = growthOf(
    samples((second) => Math.min(second, 60)),
    60,
  );
  expect(heap?.percent).toBe(0);
  expect(rss?.percent).toBe(0);
});

test('memory that grows until the end has grown, and one peak has not', () => {
  expect(
    growthOf(
      samples((second) => 100 + second),
      60,
    )[0]?.percent,
  ).toBeGreaterThan(50);
  expect(
    growthOf(
      samples((second) => (second === 200 ? 900 : 100)),
      60,
    )[0]?.percent,
  ).toBe(0);
});

test('a run without enough samples after the warm-up is rejected', () => {
  expect(() => growthOf(samples(() => 1).slice(0, 8), 60)).toThrow('run it for longer');
});
