import { UnsoundScript } from './unsound.ts';

/** How literals are read: with `standard_conforming_strings = off`, a backslash always escapes. */
export interface Strings {
  readonly standard: boolean;
}

const IDENTIFIER = /[A-Za-z0-9_$\x80-\xff]/;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$/y;
/** Characters that end a run without meaning. */
const NEXT = /['"$;()\-/]/g;
/** In a function, also the words around `BEGIN ATOMIC … END`, whose body has semicolons. */
const NEXT_IN_FUNCTION = /['"$;()\-/]|(?<![\w$\x80-\xff])(?:BEGIN|CASE|END)(?![\w$\x80-\xff])/gi;
const FUNCTION = /CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE) /y;

/**
 * The offset behind the semicolon of the statement that begins at `start`, as PostgreSQL's lexer
 * finds it: not one in a literal, a name, a function body, a comment or parentheses.
 * @param text one character per byte (latin1).
 * @returns undefined when the text ends before the statement does.
 */
export function statementEnd(text: string, start: number, strings: Strings): number | undefined {
  let [depth, blocks] = [0, 0];
  FUNCTION.lastIndex = start;
  const next = FUNCTION.test(text) ? NEXT_IN_FUNCTION : NEXT;
  for (let at = start; ; ) {
    next.lastIndex = at;
    const found = next.exec(text);
    if (found === null) return undefined;
    at = found.index;
    if (found[0].length > 1) {
      // The word may not have been read to its end.
      if (at + found[0].length === text.length) return undefined;
      blocks += blockStep(found[0].toUpperCase(), blocks);
      at += found[0].length;
      continue;
    }
    switch (found[0]) {
      case ';':
        if (depth <= 0 && blocks <= 0) return at + 1;
        at += 1;
        continue;
      case '(':
        depth += 1;
        at += 1;
        continue;
      case ')':
        depth -= 1;
        if (depth < 0) throw new UnsoundScript('a closing parenthesis has no opening one');
        at += 1;
        continue;
      default: {
        const end = quotedEnd(text, at, strings);
        if (end === undefined) return undefined;
        at = end;
      }
    }
  }
}

/** As psql counts: a CASE within a body ends with an END of its own. */
function blockStep(word: string, blocks: number): number {
  if (word === 'BEGIN') return 1;
  if (blocks === 0) return 0;
  return word === 'CASE' ? 1 : -1;
}

/** The offset behind what begins at `at`, if it is quoted or a comment, else behind its sign. */
function quotedEnd(text: string, at: number, strings: Strings): number | undefined {
  const sign = text[at];
  if (sign === "'") return literalEnd(text, at, !strings.standard || isEscaping(text, at));
  if (sign === '"') return literalEnd(text, at, false);
  if (sign === '$') return dollarEnd(text, at);
  if (at + 1 >= text.length) return undefined;
  if (text.startsWith('--', at)) return after(text.indexOf('\n', at), 1);
  if (text.startsWith('/*', at)) return commentEnd(text, at);
  return at + 1;
}

const after = (at: number, length: number) => (at === -1 ? undefined : at + length);

/** `E'…'`: the E is not the end of a longer word. */
function isEscaping(text: string, quote: number): boolean {
  return /[Ee]/.test(text[quote - 1] ?? '') && !IDENTIFIER.test(text[quote - 2] ?? '');
}

/** A doubled quote closes and opens at once, which gives the same end. */
function literalEnd(text: string, start: number, escapes: boolean): number | undefined {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (escapes && text[at] === '\\') at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return undefined;
}

function dollarEnd(text: string, at: number): number | undefined {
  if (IDENTIFIER.test(text[at - 1] ?? '')) return at + 1;
  DOLLAR_QUOTE.lastIndex = at;
  const tag = DOLLAR_QUOTE.exec(text)?.[0];
  if (tag !== undefined) return after(text.indexOf(tag, at + tag.length), tag.length);
  // The tag may not have been read to its end.
  const rest = text.slice(at, at + 128);
  return /^\$[A-Za-z0-9_\x80-\xff]*$/.test(rest) && rest.length < 128 ? undefined : at + 1;
}

/** Comments can be nested. */
function commentEnd(text: string, start: number): number | undefined {
  for (let [at, depth] = [start, 0]; at + 1 < text.length; ) {
    const two = text.slice(at, at + 2);
    if (two === '/*') depth += 1;
    else if (two === '*/') depth -= 1;
    at += two === '/*' || two === '*/' ? 2 : 1;
    if (depth === 0) return at;
  }
  return undefined;
}
