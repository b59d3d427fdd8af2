import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isUnusual, median, trendOf } from './statistics.ts';

const less = { to: 'less', share: 0.2 } as const;
const more = { to: 'more', share: 2 } as const;
const value = fc.integer({ min: 1, max: 1_000_000 });
const older = fc.array(value, { minLength: 1, maxLength: 20 });

test.each([
  [[5], 5],
  [[9, 1], 5],
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, middle) => {
  expect(median(values)).toBe(middle);
});

test('a single odd value moves neither the trend nor the deviation', () => {
  const usual = [100, 101, 99, 100, 102, 98, 100];
  const odd = [...usual.slice(1), 1_000_000];
  expect(Math.abs(trendOf(odd).next - 100)).toBeLessThan(2);
  expect(trendOf(odd).deviation).toBeLessThan(4);
});

test('a loss is unusual also in a table that grows every night, and the growth is not', () => {
  const growing = Array.from({ length: 14 }, (_, at) => 1000 * 1.03 ** (14 - at));
  expect(isUnusual(590 * 1.03 ** 14, growing, less)).toBe(true);
  for (const sets of [1, 2, 3, 4, 7, 8, 14]) {
    const steady = Array.from({ length: sets }, (_, at) => 2000 - 30 * at);
    expect(isUnusual(1180, steady, less)).toBe(true);
    expect(isUnusual(2030, steady, { to: 'more', share: 0.01 })).toBe(sets < 4);
  }
});

test('a loss is unusual also in a table that swings while it grows', () => {
  const rows = (day: number) => 10_000 + 300 * day + 800 * Math.sin(day);
  for (const day of [8, 11, 15, 20, 40]) {
    const before = Array.from({ length: Math.min(day, 14) }, (_, at) => rows(day - 1 - at));
    expect(isUnusual(0.59 * rows(day), before, less)).toBe(true);
    expect(isUnusual(rows(day), before, less)).toBe(false);
  }
});

test('a value is compared by its share alone when there is one older set', () => {
  expect(isUnusual(80, [100], less)).toBe(true);
  expect(isUnusual(81, [100], less)).toBe(false);
  expect(isUnusual(300, [100], more)).toBe(true);
  expect(isUnusual(299, [100], more)).toBe(false);
  expect(isUnusual(0, [], less)).toBe(false);
});

test('a constant value that drops by the share is unusual with any number of older sets', () => {
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 20 }), (constant, sets) => {
      const values = Array<number>(sets).fill(constant);
      expect(isUnusual(constant * 0.8, values, less)).toBe(true);
      expect(isUnusual(constant, values, less)).toBe(false);
      expect(isUnusual(constant * 3, values, more)).toBe(true);
    }),
  );
});

test('a change is reported once: the set after it is usual', () => {
  fc.assert(
    fc.property(older, fc.integer({ min: 0, max: 1_000_000 }), (values, is) => {
      expect(isUnusual(is, [is, ...values], less)).toBe(false);
      expect(isUnusual(is, [is, ...values], more)).toBe(false);
    }),
  );
});

test('a value that repeats a pattern of two to seven values is usual', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 7 }), (pattern) => {
      const values = Array.from({ length: 15 }, (_, at) => pattern[at % pattern.length] ?? 0);
      const [is = 0, ...before] = values.toReversed();
      expect(isUnusual(is, before, less)).toBe(false);
      expect(isUnusual(is, before, more)).toBe(false);
    }),
  );
});

test('a table that takes any size every night is usual in 98 nights of 100', () => {
  const random = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 14, maxLength: 14 });
  const found = fc
    .sample(fc.tuple(random, fc.integer({ min: 0, max: 1000 })), { numRuns: 1000, seed: 7 })
    .filter(([values, is]) => isUnusual(is, values, less) || isUnusual(is, values, more));
  expect(found.length).toBeLessThan(20);
});

test('an accident of one night does not hide the next one', () => {
  const steady = Array<number>(13).fill(1000);
  expect(isUnusual(0, [...steady.slice(0, 5), 0, ...steady.slice(5)], less)).toBe(true);
});

test('the unit of a value does not decide', () => {
  fc.assert(
    fc.property(older, value, (values, is) => {
      const scaled = values.map((each) => each * 1024);
      expect(isUnusual(is * 1024, scaled, less)).toBe(isUnusual(is, values, less));
    }),
  );
});
