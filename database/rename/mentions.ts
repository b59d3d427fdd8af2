import type { TocEntry } from '../objects/toc.ts';
import { NotSql, type SqlToken, sqlTokens } from './lexer.ts';

/** Entries whose literals are texts for people, or that hold none. */
const NOT_CODE = ['COMMENT', 'ACL', 'SECURITY LABEL', 'SCHEMA', 'EXTENSION'];

/**
 * Whether a literal or the body of a function names the schema. A restore under another name does
 * not change such a text: the copy still uses the original.
 */
export function mentionsSchema(
  { kind, definition }: Pick<TocEntry, 'kind' | 'definition'>,
  schema: string,
): boolean {
  if (NOT_CODE.includes(kind)) return false;
  const text = definition();
  if (!text.toLowerCase().includes(schema.toLowerCase())) return false;
  const plain = schema.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  const quoted = plain.replaceAll('"', '""');
  const named = new RegExp(`(?<![\\w$."])(?:${plain}|"${quoted}")\\s*\\.`, 'iu');
  return unchangedTexts(text).some((literal) => named.test(literal.slice(1)));
}

/** The literals of a statement that are no names of objects. */
function unchangedTexts(text: string): string[] {
  try {
    const tokens: SqlToken[] = [...sqlTokens(text)];
    return tokens.flatMap((token, at) => {
      const isName = tokens[at + 1]?.text === '::' && /^reg/.test(tokens[at + 2]?.text ?? '');
      return token.kind === 'string' && !isName ? [token.text] : [];
    });
  } catch (error) {
    if (error instanceof NotSql) return [];
    throw error;
  }
}
