/** What a CREATE TABLE of pg_dump defines beside names and types of columns. */
export interface InlineParts {
  /** Columns with a default, or with an expression that generates them. */
  readonly defaults: readonly string[];
  readonly notNull: readonly string[];
  /** Names of CHECK constraints. */
  readonly checks: readonly string[];
}

const IDENTIFIER = /^(?:"((?:[^"]|"")*)"|([^\s"(,]+))/;

/** pg_dump has no entries of their own for these parts: they are read from the table's text. */
export function inlineParts(createTable: string): InlineParts {
  const parts = { defaults: [] as string[], notNull: [] as string[], checks: [] as string[] };
  for (const item of itemsOf(createTable)) {
    const [first, rest] = identifier(item.text);
    if (first === undefined) continue;
    if (item.text.startsWith('CONSTRAINT ')) {
      const [name, definition = ''] = identifier(rest);
      if (name !== undefined && definition.startsWith('CHECK')) parts.checks.push(name);
      continue;
    }
    // Greenplum: `DEFAULT COLUMN ENCODING (…)`, `COLUMN a ENCODING (…)`.
    if (/^(?:DEFAULT )?COLUMN /.test(item.text)) continue;
    const words = item.outside;
    // The server stores no default NULL.
    if (/\bDEFAULT\b(?! NULL\b)|\bGENERATED ALWAYS AS\b/.test(words)) parts.defaults.push(first);
    if (/\bNOT NULL\b/.test(words)) parts.notNull.push(first);
  }
  return parts;
}

/** The columns of a CREATE TABLE, in their order. */
export function columnNames(createTable: string): string[] {
  return [...itemsOf(createTable)].flatMap(({ text }) => {
    const isColumn = !/^(?:CONSTRAINT|CHECK|LIKE|(?:DEFAULT )?COLUMN) /.test(text);
    const [name] = identifier(text);
    return isColumn && name !== undefined ? [name] : [];
  });
}

interface Item {
  readonly text: string;
  /** The text without what is quoted or in parentheses. */
  readonly outside: string;
}

/** The items of the first list in parentheses. */
function* itemsOf(text: string): Iterable<Item> {
  let [depth, start, outside] = [0, 0, ''];
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === "'" || char === '"') {
      at = endOfQuoted(text, at);
      outside += ' ';
    } else if (char === '(' || char === '[') {
      depth += 1;
      if (depth === 1) [start, outside] = [at + 1, ''];
    } else if (char === ')' || char === ']' || (char === ',' && depth === 1)) {
      if (depth === 1) {
        const item = text.slice(start, at).trim();
        if (item !== '') yield { text: item, outside };
        [start, outside] = [at + 1, ''];
      }
      if (char === ',') continue;
      depth -= 1;
      if (depth <= 0) return;
    } else if (depth === 1) outside += /\s/.test(char) ? ' ' : char;
  }
}

/** The offset of the closing quote, or of the end. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start];
  const escapes = quote === "'" && /[Ee]/.test(text[start - 1] ?? '');
  for (let at = start + 1; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at;
      at++;
    }
  }
  return text.length;
}

/** The identifier at the start of a text, without its quotes, and what follows it. */
export function identifier(text: string): [name: string | undefined, rest: string] {
  const found = IDENTIFIER.exec(text);
  if (found === null) return [undefined, text];
  const name = found[1]?.replaceAll('""', '"') ?? found[2];
  return [name, text.slice(found[0].length).trimStart()];
}
