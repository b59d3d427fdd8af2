/** How many columns of a terminal a text takes, and texts cut to a number of columns. */

/** East Asian wide and fullwidth characters (Unicode, EastAsianWidth.txt), as ranges. */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6b],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
];

const ASCII = /^[\u0020-\u007e]*$/;

/** Made for the first text that is not ASCII: most runs have none, and it takes 10 ms of CPU. */
let segmenter: Intl.Segmenter | undefined;

function graphemesOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
}

/** The columns that a terminal uses for a text without control characters. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemesOf(text)) width += widthOfGrapheme(segment);
  return width;
}

function widthOfGrapheme(grapheme: string): number {
  // Not at the top of the file: V8 reads Unicode's tables when it makes one of these.
  if (/^[\p{Mn}\p{Me}\p{Cf}]/u.test(grapheme)) return 0;
  const code = grapheme.codePointAt(0) ?? 0;
  if (code < 0x1100) return 1;
  const isWide = WIDE.some(([from, to]) => code >= from && code <= to);
  return isWide || /^(?:\p{Emoji_Presentation}|\p{Emoji}\ufe0f|\p{RI}\p{RI})/u.test(grapheme)
    ? 2
    : 1;
}

/** The beginning of a text that takes at most `columns`. */
export function beginOf(text: string, columns: number): string {
  if (ASCII.test(text)) return text.slice(0, columns);
  let end = 0;
  let width = 0;
  for (const { segment, index } of graphemesOf(text)) {
    width += widthOfGrapheme(segment);
    if (width > columns) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

/** The end of a text that takes at most `columns`. */
export function endOf(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (ASCII.test(text)) return text.slice(-columns);
  const parts = [...graphemesOf(text)].map(({ segment }) => segment);
  let from = parts.length;
  let width = 0;
  while (from > 0) {
    width += widthOfGrapheme(parts[from - 1] ?? '');
    if (width > columns) break;
    from--;
  }
  return parts.slice(from).join('');
}

/** Where a text loses characters when it is too long. */
export type Cut = 'start' | 'middle' | 'end';

/** A text of at most `columns`; an ellipsis stands for what it lacks. */
export function shortened(text: string, columns: number, cut: Cut = 'end'): string {
  if (widthOf(text) <= columns) return text;
  const room = Math.max(0, columns - 1);
  const begin = cut === 'start' ? 0 : cut === 'end' ? room : Math.ceil(room / 2);
  return `${beginOf(text, begin)}…${endOf(text, room - begin)}`;
}

/** A text as lines of at most `columns`, broken between words, and in a word that is longer. */
export function folded(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (let word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= columns) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    while (widthOf(word) > columns) {
      const part = beginOf(word, columns) || word.slice(0, 2);
      lines.push(part);
      word = word.slice(part.length);
    }
    line = word;
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}
