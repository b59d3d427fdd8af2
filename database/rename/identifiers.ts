import { quoteIdentifier } from '../session/quote.ts';
import type { SqlToken } from './lexer.ts';

/** A piece of a text, and what takes its place. */
export interface Change {
  readonly at: number;
  readonly end: number;
  readonly text: string;
}

/** The identifier of a token, as the server reads it; undefined: it is none. */
export function identifierOf(token: SqlToken | undefined): string | undefined {
  if (token?.kind === 'name')
    return token.text.startsWith('"') ? token.text.slice(1, -1).replaceAll('""', '"') : undefined;
  // Only ASCII letters: pg_dump quotes names with others.
  return token?.kind === 'word' ? token.text.replace(/[A-Z]/g, (c) => c.toLowerCase()) : undefined;
}

/** A word of SQL, such as `FROM`: pg_dump writes identifiers in capital letters in quotes. */
export function isKeyword(token: SqlToken | undefined, ...words: readonly string[]): boolean {
  return token?.kind === 'word' && words.includes(token.text);
}

/** The change that gives an identifier another name; undefined when it has it already. */
export function renamedTo(token: SqlToken | undefined, name: string): Change | undefined {
  if (token === undefined || identifierOf(token) === name) return undefined;
  return changeOf(token, quoteIdentifier(name));
}

export function changeOf(token: SqlToken, text: string): Change {
  return { at: token.at, end: token.at + token.text.length, text };
}

/** The value of a literal; undefined: it has escapes that pg_dump does not write. */
export function literalOf({ kind, text }: SqlToken): string | undefined {
  if (kind !== 'string') return undefined;
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (!/^[Ee]'/.test(text)) return undefined;
  const body = text.slice(2, -1);
  if (/\\[^\\']/.test(body.replaceAll('\\\\', ''))) return undefined;
  return body.replaceAll(/''|\\(.)/gs, (_, char?: string) => char ?? "'");
}

/**
 * Where the arguments begin in the tag of a function: `f (x)("char", integer)`. The name is without
 * quotes, the types have theirs.
 */
export function argumentsAt(tag: string): number {
  let [depth, isQuoted] = [0, false];
  for (let at = tag.length - 1; at >= 0; at--) {
    if (tag[at] === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (tag[at] === ')') depth += 1;
    else if (tag[at] === '(') depth -= 1;
    if (depth === 0) return at;
  }
  return tag.length;
}
