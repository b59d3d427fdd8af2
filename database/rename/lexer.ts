/** One token of an SQL text. Blanks and comments are none. */
export interface SqlToken {
  /** `name`: in double quotes. `string`: in single or dollar quotes. */
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'operator' | 'symbol';
  /** As written, with its quotes. */
  readonly text: string;
  readonly at: number;
}

/** The text is not SQL that pg_dump writes. */
export class NotSql extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const BLANKS = /(?:[ \t\n\r\f\v]|--[^\n\r]*)+/y;
/** Newer versions of pg_dump bracket their output with these. They are for psql alone. */
const RESTRICT = /\\(?:un)?restrict [A-Za-z0-9]+ *(?:\r?\n|$)/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const PLAIN = [
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['number', /\d[\w]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\$\d+/y],
  ['symbol', /::|:=|[()[\],;.:]/y],
] as const;
const OPERATOR = /[-+*/<>=~!@#%^&|`?]/;
/** The prefixes of literals; with `E`, a backslash escapes. */
const QUOTED = /([EeBbXxNn]|[Uu]&)?(['"])/y;

/**
 * The tokens of an SQL text of pg_dump or pg_restore, read as PostgreSQL's lexer reads them, with
 * standard_conforming_strings on.
 * @throws NotSql at a quote or comment without an end, and at a command of psql.
 */
export function* sqlTokens(text: string): Generator<SqlToken> {
  for (let at = afterBlanks(text, 0); at < text.length; ) {
    const token = quotedAt(text, at) ?? plainAt(text, at) ?? operatorAt(text, at);
    if (token === undefined) throw new NotSql(`${shown(text, at)} is not SQL of pg_dump`, at);
    yield token;
    at = afterBlanks(text, at + token.text.length);
  }
}

/** The offset behind blanks, comments and the brackets of newer versions. */
function afterBlanks(text: string, start: number): number {
  for (let at = start; ; ) {
    const before = at;
    at += matchAt(BLANKS, text, at)?.[0].length ?? 0;
    if (text.startsWith('/*', at)) at = afterComment(text, at);
    if (at === 0 || text[at - 1] === '\n') at += matchAt(RESTRICT, text, at)?.[0].length ?? 0;
    if (at === before) return at;
  }
}

/** Block comments can be nested. */
function afterComment(text: string, start: number): number {
  for (let [at, depth] = [start, 0]; at < text.length; ) {
    const two = text.slice(at, at + 2);
    if (two === '/*') depth += 1;
    else if (two === '*/') depth -= 1;
    at += two === '/*' || two === '*/' ? 2 : 1;
    if (depth === 0) return at;
  }
  throw new NotSql('a comment has no end', start);
}

function quotedAt(text: string, at: number): SqlToken | undefined {
  const dollar = matchAt(DOLLAR, text, at)?.[0];
  if (dollar !== undefined) {
    const end = text.indexOf(dollar, at + dollar.length);
    if (end === -1) throw new NotSql('a dollar quote has no end', at);
    return { kind: 'string', text: text.slice(at, end + dollar.length), at };
  }
  const found = matchAt(QUOTED, text, at);
  if (found === undefined) return undefined;
  const [opening, prefix = '', quote = ''] = found;
  const isName = quote === '"';
  // `e"x"` is the word `e` and a name.
  if (isName && prefix !== '' && !/^[Uu]&$/.test(prefix)) return undefined;
  const end = endOfQuoted(text, at + opening.length, quote, /^[Ee]$/.test(prefix));
  return { kind: isName ? 'name' : 'string', text: text.slice(at, end), at };
}

/** The offset behind the closing quote. A doubled quote closes nothing. */
function endOfQuoted(text: string, start: number, quote: string, escapes: boolean): number {
  for (let at = start; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  throw new NotSql(`${shown(text, start - 1)} has no closing quote`, start - 1);
}

function plainAt(text: string, at: number): SqlToken | undefined {
  for (const [kind, pattern] of PLAIN) {
    const found = matchAt(pattern, text, at)?.[0];
    if (found !== undefined) return { kind, text: found, at };
  }
  return undefined;
}

/** A comment can begin right behind an operator. */
function operatorAt(text: string, at: number): SqlToken | undefined {
  let end = at;
  while (OPERATOR.test(text[end] ?? '') && !/^(?:--|\/\*)/.test(text.slice(end, end + 2))) end++;
  return end === at ? undefined : { kind: 'operator', text: text.slice(at, end), at };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

const shown = (text: string, at: number) =>
  JSON.stringify(text.slice(at, at + 60).split('\n')[0] ?? '');
