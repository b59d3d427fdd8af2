import { escaped, head, type PageHead } from './roff.ts';

/** A page of docs/ as a man page: headings, paragraphs, lists, code and tables. Pure. */
export function pageOfMarkdown(text: string, about: PageHead): string {
  const lines = text.split('\n').slice(1);
  const out: string[] = [head(about), '.SH DESCRIPTION'];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (line.startsWith('```')) {
      const end = lines.findIndex((each, index) => index > at && each.startsWith('```'));
      out.push('.PP', '.RS 4', '.nf', ...lines.slice(at + 1, end).map(escaped), '.fi', '.RE');
      at = end;
    } else if (line.startsWith('### ')) out.push(`.SS "${inline(line.slice(4))}"`);
    else if (line.startsWith('## ')) out.push(`.SH "${inline(line.slice(3)).toUpperCase()}"`);
    else if (line.startsWith('|')) {
      const end = lines.findIndex((each, index) => index > at && !each.startsWith('|'));
      out.push(...tableLines(lines.slice(at, end === -1 ? undefined : end)));
      at = (end === -1 ? lines.length : end) - 1;
    } else if (line.startsWith('- ')) out.push('.IP \\(bu 2', inline(line.slice(2)));
    else if (line.trim() === '') out.push(lines[at + 1]?.startsWith('  ') === true ? '' : '.PP');
    else out.push(inline(line.trim()));
  }
  return `${tidied(out).join('\n')}\n`;
}

/** The first cell names an item; the others follow it, each after the title of its column. */
function tableLines(rows: readonly string[]): string[] {
  const [titles = [], , ...cells] = rows.map(cellsOf);
  return cells.flatMap(([name = '', ...rest]) => [
    '.TP',
    `.B ${inline(name)}`,
    rest
      .flatMap((cell, column) => {
        const title = titles[column + 1] ?? '';
        if (cell === '') return [];
        return title === 'meaning' ? [inline(cell)] : [`${inline(title)}: ${inline(cell)}`];
      })
      .join('. ') || '\\&',
  ]);
}

const cellsOf = (row: string) =>
  row
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());

/** Links lose their target, code and bold their marks. */
function inline(text: string): string {
  return escaped(
    text
      .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, '$1')
      .replaceAll('**', '')
      .replaceAll('`', ''),
  ).replaceAll('"', '\\(dq');
}

/** Without paragraphs that are empty: at a heading, and two in a row. */
function tidied(lines: readonly string[]): string[] {
  const out: string[] = [];
  for (const line of lines) {
    const last = out.at(-1) ?? '';
    if (line === '' || (line === '.PP' && /^\.(SH|SS|PP)/.test(last))) continue;
    if (last === '.PP' && /^\.(SH|SS|TP|IP)/.test(line)) out.pop();
    out.push(line);
  }
  if (out.at(-1) === '.PP') out.pop();
  return out;
}
