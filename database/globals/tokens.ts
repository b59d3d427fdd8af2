/** One word, name, literal or symbol of an SQL text. */
export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'symbol';
  /** As written, with its quotes. */
  readonly text: string;
  readonly at: number;
}

/** What a text holds that pg_dumpall does not write. */
export class UnknownText extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

export interface TokensOptions {
  /** False: a backslash escapes in every literal (standard_conforming_strings = off). */
  standardStrings: boolean;
}

/** Server and psql end a comment at either. A new line elsewhere is a blank. */
const BLANKS = /(?:[ \t\n\r\f]|--[^\n\r]*)+/y;
/** Newer versions of pg_dumpall bracket their output with these. They are for psql alone. */
const RESTRICT = /\\(?:un)?restrict [A-Za-z0-9]+ *(?:\n|$)/y;
const TOKENS = [
  ['word', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['number', /\d+(?:\.\d+)?(?:[Ee][+-]?\d+)?/y],
  ['symbol', /[(),=.;-]/y],
] as const;
const SHOWN_CHARS_MAX = 60;

/**
 * The tokens of an SQL text that pg_dumpall wrote, read as PostgreSQL's lexer reads them. The text
 * has one character per byte (latin1), so offsets are offsets of bytes. It refuses what
 * pg_dumpall never writes: psql's commands, dollar quotes, block comments, other operators. The
 * consumer may change `options` between two tokens.
 * @throws UnknownText
 */
export function* tokensOf(text: string, options: TokensOptions): Generator<Token> {
  let at = 0;
  let inStatement = false;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  for (;;) {
    at += match(BLANKS)?.length ?? 0;
    if (at >= text.length) return;
    const bracket = inStatement || (at > 0 && text[at - 1] !== '\n') ? undefined : match(RESTRICT);
    if (bracket !== undefined) {
      at += bracket.length;
      continue;
    }
    const token = quotedAt(text, at, options) ?? plainAt(match, at);
    if (token === undefined) throw new UnknownText(whatIs(text, at), at);
    at += token.text.length;
    inStatement = token.text !== ';';
    yield token;
  }
}

function plainAt(match: (pattern: RegExp) => string | undefined, at: number): Token | undefined {
  for (const [kind, pattern] of TOKENS) {
    const found = match(pattern);
    if (found !== undefined) return { kind, text: found, at };
  }
  return undefined;
}

function quotedAt(text: string, at: number, options: TokensOptions): Token | undefined {
  const escapes = /^[Ee]'/.test(text.slice(at, at + 2));
  const start = escapes ? at + 1 : at;
  const quote = text[start];
  if (quote !== "'" && quote !== '"') return undefined;
  const isString = quote === "'";
  const end = endOfQuoted(text, start, isString && (escapes || !options.standardStrings));
  if (end === undefined) return undefined;
  return { kind: isString ? 'string' : 'name', text: text.slice(at, end), at };
}

/** The offset behind the closing quote; undefined when there is none. A doubled quote is none. */
function endOfQuoted(text: string, start: number, escapes: boolean): number | undefined {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (escapes && text[at] === '\\') at++;
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1;
      at++;
    }
  }
  return undefined;
}

function whatIs(text: string, at: number): string {
  const [line = ''] = text.slice(at, at + SHOWN_CHARS_MAX).split('\n');
  const shown = JSON.stringify(line);
  if (text[at] === '\\') return `${shown} is a command of psql`;
  if (/^(?:[Ee]?'|")/.test(text.slice(at, at + 2))) return `${shown} has no closing quote`;
  return `${shown} is nothing that pg_dumpall writes`;
}
