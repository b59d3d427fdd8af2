/** Columns of a terminal that every operator has. */
const COLUMNS = 80;

/** A text as lines of at most 80 columns. The first begins with `first`, the others with blanks. */
export function wrapped(text: string, first: string): string[] {
  const indent = ' '.repeat(first.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && indent.length + longer.length > COLUMNS) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  lines.push(line);
  return lines.map((each, at) => `${at === 0 ? first : indent}${each}`.trimEnd());
}
