import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { rowsDigest } from './row-digest.ts';

const line = fc.string({ maxLength: 20 }).map((text) => `${text.replaceAll('\n', ' ')}\n`);

function digestOf(lines: readonly string[], chunkBytes = 1 << 20) {
  const bytes = Buffer.from(lines.join(''));
  const digest = rowsDigest();
  for (let at = 0; at < bytes.length; at += chunkBytes)
    digest.feed(bytes.subarray(at, at + chunkBytes));
  return digest.result();
}

test('the digest is the same for any order of the rows and any cut into chunks', () => {
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      (lines, bytes) => {
        expect(digestOf(lines.toReversed(), bytes)).toEqual(digestOf(lines));
        expect(digestOf(lines).rows).toBe(lines.length);
      },
    ),
  );
});

test('the digest differs when one row differs, is doubled for another, or moves a byte', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), line, (lines, other) => {
      const [first = '', ...rest] = lines;
      fc.pre(first !== other);
      expect(digestOf([other, ...rest])).not.toEqual(digestOf(lines));
      expect(digestOf([other, other])).not.toEqual(digestOf([first, other]));
    }),
  );
  expect(digestOf(['ab\n', 'c\n'])).not.toEqual(digestOf(['a\n', 'bc\n']));
});

test('a hundred thousand rows of numbers have digests without a collision', () => {
  const seen = new Set<string>();
  for (let number = 0; number < 100_000; number++) seen.add(digestOf([`${number}\n`]).digest);
  expect(seen.size).toBe(100_000);
});
