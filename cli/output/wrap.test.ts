import { expect, test } from 'vitest';
import { wrapped } from './wrap.ts';

test('a long text becomes lines of at most 80 columns under its label', () => {
  const lines = wrapped(Array.from({ length: 30 }, () => 'word').join(' '), 'label     ');
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(lines[0]).toMatch(/^label {5}word/);
  expect(lines[1]).toMatch(/^ {10}word/);
});

test('a word that is longer than a line is not cut', () => {
  const word = 'x'.repeat(100);
  expect(wrapped(`a ${word} b`, '- ')).toEqual(['- a', `  ${word}`, '  b']);
});
