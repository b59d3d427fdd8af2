import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateOf, Instant, instantOf, RestoreId, Timestamp, timestampOf } from './timestamps.ts';

const date = fc.date({
  min: new Date('1970-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
});

test('an instant has the date in milliseconds, a timestamp in seconds', () => {
  fc.assert(
    fc.property(date, (at) => {
      expect(dateOf(instantOf(at))).toEqual(at);
      expect(dateOf(timestampOf(at)).getTime()).toBe(Math.floor(at.getTime() / 1000) * 1000);
      expect(Timestamp.parse(timestampOf(at))).toBe(timestampOf(at));
      expect(Instant.parse(instantOf(at))).toBe(instantOf(at));
      expect(RestoreId.safeParse(`${instantOf(at)}-0123abcd`).success).toBe(true);
    }),
  );
});

test('timestamps sort like their dates', () => {
  fc.assert(
    fc.property(date, date, (a, b) => {
      expect(instantOf(a) < instantOf(b)).toBe(a.getTime() < b.getTime());
    }),
  );
});

test.each([
  '20260229120000',
  '20261301120000',
  '20260131240000',
  '20260131126000',
  '2026013112000',
  '20260131120000\n',
])('%j is no timestamp', (text) => {
  expect(Timestamp.safeParse(text).success).toBe(false);
});
