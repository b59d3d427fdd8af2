/**
 * A word as a POSIX shell reads it. Control characters, which a terminal would act on when the line
 * is pasted, are written in the way of bash, zsh and ksh: `$'\x1b'`.
 */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (!/\p{Cc}|[\u061c\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2028\u2029\ufeff]/u.test(word))
    return `'${word.replaceAll("'", `'\\''`)}'`;
  const escaped = [...new TextEncoder().encode(word)].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x27 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return `$'${escaped.join('')}'`;
}
