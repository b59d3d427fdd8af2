/** The meanings that a text can have for its reader; each has one colour. */
export type Tone = 'good' | 'warn' | 'bad' | 'dim' | 'strong';

/** Colours a text; without colours the text stays as it is. */
export type Paint = (tone: Tone, text: string) => string;

/** Begin and end of a colour; the 16 colours of a terminal follow the theme of its user. */
const CODES: Readonly<Record<Tone, readonly [begin: number, end: number]>> = {
  good: [32, 39],
  warn: [33, 39],
  bad: [31, 39],
  dim: [2, 22],
  strong: [1, 22],
};

export const plain: Paint = (_, text) => text;

export const coloured: Paint = (tone, text) => {
  const [begin, end] = CODES[tone];
  return text === '' ? '' : `\u001b[${begin}m${text}\u001b[${end}m`;
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Colours on a terminal only. FORCE_COLOR (not 0 or false) wins over NO_COLOR, and NO_COLOR over
 * the terminal.
 */
export function paintFor(isTerminal: boolean, env: Environment): Paint {
  const { FORCE_COLOR: force, NO_COLOR: none, TERM: kind } = env;
  if (force !== undefined && force !== '')
    return force === '0' || force === 'false' ? plain : coloured;
  if (none !== undefined && none !== '') return plain;
  return isTerminal && kind !== 'dumb' ? coloured : plain;
}
