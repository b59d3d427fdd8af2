import { expect, test } from 'vitest';
import { rateFlag } from './flags.ts';

test.each([
  ['200MB', 200_000_000],
  ['64kB', 64_000],
  ['1.5GB', 1_500_000_000],
  ['2KiB', 2048],
  ['1.5MiB', 1_572_864],
  ['3GiB', 3_221_225_472],
  ['5000B', 5000],
])('--max-rate %s is %i bytes a second', (maxRate, bytes) => {
  expect(rateFlag({ maxRate })).toBe(bytes);
});

test('without --max-rate there is no limit', () => {
  expect(rateFlag({})).toBeUndefined();
});

test.each([
  '200',
  'MB',
  '200 MB',
  '200mb',
  '200Mb',
  '-1MB',
  '1e3MB',
  '200MB/s',
  '1.MB',
  '2constructor',
  '',
])('--max-rate %j is refused, and the message names the units', (maxRate) => {
  expect(() => rateFlag({ maxRate })).toThrow(/--max-rate takes a number and a unit \(B, kB, MB/);
});
