import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateText, dateValue, timestampText, timestampValue } from './times.ts';

describe('a date', () => {
  it.each([
    ['1970-01-01', 0],
    ['1969-12-31', -1],
    ['2000-02-29', 11_016],
    ['0001-01-01', -719_162],
    ['0001-12-31 BC', -719_163],
    ['4714-11-24 BC', -2_440_588],
    ['5874897-12-31', 2_145_042_905],
  ])('%s is day %d, and is written back', (text, days) => {
    expect(dateValue(text)).toBe(days);
    expect(dateText(days)).toBe(text);
  });

  it.each(['infinity', '-infinity'])('%s has no value', (text) => {
    expect(dateValue(text)).toBeUndefined();
  });
});

describe('a timestamp', () => {
  it.each([
    ['1970-01-01 00:00:00', 0n],
    ['1969-12-31 23:59:59.999999', -1n],
    ['2026-11-22 19:07:42.123456+14', 1_795_324_062_123_456n],
    ['2026-11-22 05:07:42.5-00:30', 1_795_325_862_500_000n],
    ['0044-03-15 12:00:00 BC', -63_517_780_800_000_000n],
  ])('%s is %d microseconds', (text, micros) => {
    expect(timestampValue(text)).toBe(micros);
  });

  it('of any year is read as it was written', () => {
    fc.assert(
      fc.property(fc.bigInt(-210_000_000_000_000_000n, 9_223_000_000_000_000_000n), (micros) => {
        expect(timestampValue(timestampText(micros))).toBe(micros);
      }),
    );
  });

  it('that is infinite has no value', () => {
    expect(timestampValue('infinity')).toBeUndefined();
    expect(timestampValue('-infinity')).toBeUndefined();
  });
});
