import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../async/backoff.ts';
import { checkFolder, checkKey, checkPrefix } from './check-key.ts';
import { rangeInside } from './ranges.ts';

const isRejected = (check: () => void) => {
  try {
    check();
    return false;
  } catch {
    return true;
  }
};

test('an accepted key never leaves the root, enters .tmp, or resolves to another path', () => {
  const part = fc.oneof(fc.constantFrom('.', '..', '', '.tmp', 'a', '\0', '~', ' '), fc.string());
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const key = parts.join('/');
      if (isRejected(() => checkKey(key))) return;
      expect(resolve('/root', key)).toBe(join('/root', key));
      expect(`/root/${key}`).toBe(join('/root', key));
      expect(key.startsWith('.tmp/')).toBe(false);
      expect(Buffer.from(key).toString()).toBe(key);
    }),
  );
});

test('a prefix may end anywhere in a key, and a folder must end in a slash', () => {
  for (const prefix of ['', 'a', 'a/', 'a/b', '.probe/x/'])
    expect(isRejected(() => checkPrefix(prefix))).toBe(false);
  for (const prefix of ['/', '../', 'a//', 'a/../b', '.tmp/', 'a\n'])
    expect(isRejected(() => checkPrefix(prefix))).toBe(true);
  expect(isRejected(() => checkFolder('a'))).toBe(true);
  expect(isRejected(() => checkFolder('a/'))).toBe(false);
});

test('a range that exceeds its object is rejected', () => {
  const numbers = fc.nat({ max: 50 });
  fc.assert(
    fc.property(
      numbers,
      numbers,
      fc.option(numbers, { nil: undefined }),
      (bytes, offset, length) => {
        const range = { offset, length };
        const fits = offset + (length ?? 0) <= bytes;
        expect(isRejected(() => rangeInside('x', bytes, range))).toBe(!fits);
        if (fits)
          expect(rangeInside('x', bytes, range)).toEqual({
            offset,
            end: length === undefined ? bytes : offset + length,
          });
      },
    ),
  );
  for (const range of [{ offset: -1 }, { offset: 0.5 }, { length: -1 }, { length: Number.NaN }]) {
    expect(isRejected(() => rangeInside('x', 10, range))).toBe(true);
  }
});

test('pauses grow up to ten seconds, and up to half of each is random', () => {
  expect([2, 3, 4, 5, 6, 7, 20].map((attempt) => backoffMs(attempt, 0))).toEqual([
    100, 300, 900, 2_700, 8_100, 10_000, 10_000,
  ]);
  expect(backoffMs(2, 0.999)).toBeGreaterThan(50);
});
