import { expect, test } from 'vitest';
import { loadedShare, shareOf } from './loaded-share.ts';

test('a restore whose rows are loaded is not almost done while hundreds of small tables are left', () => {
  const planned = { bytes: 82_000_000, relations: 402 };
  const share = loadedShare(planned, { bytes: 80_000_000, relations: 48 });
  expect(share).toBeGreaterThan(0.4);
  expect(share).toBeLessThan(0.6);
  expect(loadedShare(planned, planned)).toBe(1);
});

test('tables without rows have a share, and nothing planned has none', () => {
  expect(loadedShare({ bytes: 0, relations: 4 }, { bytes: 0, relations: 1 })).toBe(0.25);
  expect(loadedShare({ bytes: 0, relations: 0 }, { bytes: 0, relations: 0 })).toBeUndefined();
});

test('a share is never more than the whole', () => {
  expect(shareOf(12, 10)).toBe(1);
});
