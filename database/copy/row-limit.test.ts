import { expect, it } from 'vitest';
import { isRowTooLong } from './row-limit.ts';

it.each([
  ['invalid memory alloc request size 1258291203', undefined],
  [
    'out of memory',
    'Cannot enlarge string buffer containing 600000001 bytes by 600000000 more bytes.',
  ],
  ['string buffer exceeds maximum allowed length (1073741823 bytes)', undefined],
])('"%s" with detail "%s" is a row over the limit of 1 GB', (message, detail) => {
  expect(isRowTooLong(Object.assign(new Error(message), { detail }))).toBe(true);
});

it.each([
  ['out of memory', 'Failed on request of size 8192 in memory context "ExecutorState".'],
  ['invalid memory alloc request size 18446744073709551613', undefined],
  ['permission denied for table b', undefined],
])('"%s" with detail "%s" is another error', (message, detail) => {
  expect(isRowTooLong(Object.assign(new Error(message), { detail }))).toBe(false);
});
