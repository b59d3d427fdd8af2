import { expect, it } from 'vitest';
import { requireOneEncoding } from './from-set.ts';

const part = (content: number, encoding: string, rows = 1) => ({ content, encoding, rows });

it('rows of contents with different encodings do not go into one file', () => {
  const check = (...parts: ReturnType<typeof part>[]) =>
    requireOneEncoding(parts, '20260101000000');
  expect(() => check(part(0, 'UTF8'), part(1, 'LATIN1'))).toThrow(
    /content 0 are in UTF8, and those of content 1 in LATIN1: use export with --encoding UTF8/,
  );
  expect(() => check(part(0, 'UTF8'), part(1, 'LATIN1', 0), part(2, 'UTF8'))).not.toThrow();
});
