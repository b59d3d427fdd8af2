import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shellWord } from './shell-word.ts';

describe('a word of a command line', () => {
  it('is quoted so that a shell gives every word back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (word) => {
        fc.pre(!word.includes('\0') && word.isWellFormed());
        expect(unquoted(shellWord(word))).toBe(word);
      }),
    );
  });

  it('shows no control character and no character that turns the direction of text', () => {
    expect(shellWord('a\u001b[31m')).toBe("$'a\\x1b[31m'");
    expect(shellWord('x\u202etxt')).toBe("$'x\\xe2\\x80\\xaetxt'");
    expect(shellWord("it's $(x)")).toBe("'it'\\''s $(x)'");
    expect(shellWord('')).toBe("''");
  });
});

/** What bash makes of a word; the test in Chromium runs the line itself in a shell. */
function unquoted(text: string): string {
  if (text.startsWith("$'")) {
    const bytes = text
      .slice(2, -1)
      .replaceAll(/\\x([\da-f]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
    return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
  }
  return text.replaceAll(
    /'([^']*)'|\\(.)/g,
    (_, plain?: string, one?: string) => plain ?? one ?? '',
  );
}
