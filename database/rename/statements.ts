import { type SqlToken, sqlTokens } from './lexer.ts';

/** One statement of an SQL text, without its semicolon. */
export interface SqlStatement {
  readonly text: string;
  /** Their offsets are those of the whole text; `text` begins at the first one. */
  readonly tokens: readonly SqlToken[];
}

/**
 * The statements of an SQL text of pg_restore. A semicolon in parentheses (a rule with several
 * actions) or in a body `BEGIN ATOMIC … END` ends no statement.
 * @throws NotSql
 */
export function* sqlStatements(text: string): Generator<SqlStatement> {
  let tokens: SqlToken[] = [];
  let [parentheses, blocks] = [0, 0];
  for (const token of sqlTokens(text)) {
    const isEnd = token.text === ';' && parentheses === 0 && blocks === 0;
    if (isEnd) {
      if (tokens.length > 0) yield statementOf(text, tokens);
      tokens = [];
      continue;
    }
    const before = tokens.at(-1);
    tokens.push(token);
    if (token.text === '(') parentheses += 1;
    else if (token.text === ')') parentheses -= 1;
    else if (token.kind === 'word' && before?.text !== '.') {
      const word = token.text.toUpperCase();
      if (word === 'ATOMIC' && before?.text.toUpperCase() === 'BEGIN') blocks += 1;
      else if (blocks > 0 && word === 'CASE') blocks += 1;
      else if (blocks > 0 && word === 'END') blocks -= 1;
    }
  }
  if (tokens.length > 0) yield statementOf(text, tokens);
}

function statementOf(text: string, tokens: readonly SqlToken[]): SqlStatement {
  const [first, last] = [tokens[0], tokens.at(-1)];
  const end = last === undefined ? 0 : last.at + last.text.length;
  return { text: text.slice(first?.at ?? 0, end), tokens };
}
