import { expect, test } from 'vitest';
import { bytes, duration, printable, rate } from './format.ts';

test.each([
  [0, '0ms'],
  [850.4, '850ms'],
  [12_340, '12.3s'],
  [59_999, '59.9s'],
  [60_000, '1m'],
  [299_700, '4m 59s'],
  [3_599_999, '59m 59s'],
  [7_500_000, '2h 5m'],
  [90_061_000, '1d 1h'],
])('a duration of %d ms is printed as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.00 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [1_234_567_890, '1.23 GB'],
])('%d bytes are printed as %s', (value, text) => {
  expect(bytes(value)).toBe(text);
});

test('a rate without a time is printed as a dash', () => {
  expect(rate(1_000, 0)).toBe('–');
  expect(rate(1_000, 500)).toBe('2.00 kB/s');
});

test('control characters of a name are printed as escapes', () => {
  expect(printable('a\nb\u001b[2J')).toBe('a\\x0ab\\x1b[2J');
});
